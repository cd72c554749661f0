#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "gate/entry.h"
#include "shardrun/error.h"
#include "sys/fanotify_group.h"
#include "sys/unique_fd.h"

namespace shardrun::gate {

struct TreeConfig {
    std::uint64_t size_max_bytes = 0;  ///< that the contents may occupy
    /// A directory of our mount namespace that only root may enter: before Linux 6.15 a mount can
    /// be cloned only if it is attached somewhere. Empty: refused there.
    std::string anchor;
};

/// An image's names in a tmpfs of its own, every file with its size, mode, owner and time before it
/// has a byte. Its own mount is seen by nobody else, and no gate asks about opens through it; what
/// shards get are read-only clones, which are asked about. Ends with the object, as far as no shard
/// has a clone.
class Tree {
 public:
    /// Made in one go; see TreeMaking.
    static Result<Tree> build(Entries entries, const TreeConfig& config,
                              const sys::FanotifyGroup& gate);

    /// The tree of an earlier owner that was built of the same entries; `mount` is a duplicate of
    /// its own_mount().
    static Result<Tree> adopt(Entries entries, sys::UniqueFd mount, const TreeConfig& config);

    Tree(Tree&&) noexcept = default;
    Tree& operator=(Tree&&) = delete;
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;
    ~Tree();

    /// A view for one shard, whatever the tree's size: a detached read-only mount, to be attached
    /// with move_mount(2) in the shard's mount namespace.
    Result<sys::UniqueFd> clone_for_shard() const;

    /// The end of this object ends nothing.
    void leave_attached() { anchor_.clear(); }

    /// Ungated: for the keeper, never for a shard or a helper.
    int own_mount() const { return mount_.get(); }

    /// Has bytes to come: a regular file that is not empty.
    bool is_gated(FileId file) const;
    const Entry& entry(FileId file) const { return (*entries_)[std::to_underlying(file)]; }
    std::size_t size() const { return entries_->size(); }
    std::optional<FileId> find(ino_t inode) const;
    const std::unordered_map<ino_t, FileId>& inodes() const { return by_inode_; }

    /// Through our own mount, so that no gate is asked. Close-on-exec; O_NOFOLLOW.
    Result<sys::UniqueFd> open(FileId file, int flags) const;
    /// Gives the bytes back to the system. `writable` is the file, open for writing.
    Result<void> punch(FileId file, int writable) const;
    /// What filling and punching changed.
    Result<void> restore_time(FileId file) const;

 private:
    friend class TreeMaking;
    Tree(Entries entries, sys::UniqueFd mount)
        : entries_(std::move(entries)), mount_(std::move(mount)) {}

    Entries entries_;
    sys::UniqueFd mount_;
    std::string anchor_;  // Empty: we attached it nowhere.
    std::unordered_map<ino_t, FileId> by_inode_;
};

}  // namespace shardrun::gate
