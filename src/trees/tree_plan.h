#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "blob/digest.h"
#include "gate/entry.h"
#include "image/manifest.h"
#include "shardrun/error.h"

namespace shardrun::trees {

/// What the trees of one image are built of. Pure.
class TreePlan {
 public:
    /// Adds the directories that a shard mounts upon, where the image lacks them. Left out: the
    /// root's own attributes, extended attributes, device nodes, FIFOs and sockets. Errors: ENOTDIR
    /// when the image has something else in such a place.
    static Result<TreePlan> create(const image::Manifest& manifest);

    gate::Entries entries() const { return entries_; }
    /// Of a file that is no link.
    const blob::Digest& digest(gate::FileId file) const {
        return digests_[std::to_underlying(file)];
    }
    /// What all files would occupy.
    std::uint64_t content_bytes() const { return content_bytes_; }
    std::uint64_t left_out_count() const { return left_out_count_; }

    /// The file that a program in the shard finds at this absolute path: links of both kinds are
    /// followed. Errors: ENOENT, ENOTDIR, ELOOP, EISDIR.
    Result<gate::FileId> find_file(std::string_view path) const;

 private:
    Result<void> add_mount_points(const image::Manifest& manifest);
    void add_entry(const image::Manifest& manifest, const image::Entry& entry);
    void add(gate::Entry entry, const blob::Digest& digest);

    std::shared_ptr<std::vector<gate::Entry>> entries_ =
        std::make_shared<std::vector<gate::Entry>>();
    std::vector<blob::Digest> digests_;  // Of each entry; of what is no file: zeros.
    std::unordered_map<std::string, std::uint32_t> by_path_;
    std::uint64_t content_bytes_ = 0;
    std::uint64_t left_out_count_ = 0;
};

}  // namespace shardrun::trees
