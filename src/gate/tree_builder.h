#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gate/entry.h"
#include "shardrun/error.h"
#include "sys/fanotify_group.h"
#include "sys/unique_fd.h"

namespace shardrun::gate {

/// Makes the names of a tree below `root`, one entry after the other. Nothing is followed: neither
/// symbolic links nor "..".
class TreeBuilder {
 public:
    /// Borrows both. Files with bytes to come are marked in `gate`.
    TreeBuilder(int root, const sys::FanotifyGroup& gate) : root_(root), gate_(gate) {}

    /// The inode number of what was made; 0 for links.
    Result<ino_t> make(const Entry& entry);
    /// The time of a directory, once everything below it is there.
    Result<void> finish_directory(const Entry& entry) const;

 private:
    struct Place {
        int directory;
        const char* name;  ///< the end of the entry's path
    };
    Result<Place> place_of(const Entry& entry);
    Result<ino_t> make_directory(const Place& place, const Entry& entry) const;
    Result<ino_t> make_file(const Place& place, const Entry& entry) const;
    Result<void> make_symlink(const Place& place, const Entry& entry) const;
    Result<void> make_hard_link(const Place& place, const Entry& entry) const;

    int root_;
    const sys::FanotifyGroup& gate_;
    // Entries of one directory tend to follow each other.
    std::string last_path_;
    sys::UniqueFd last_;
};

/// Opens `path` below the directory `root`; neither a symbolic link nor ".." is followed. `path`
/// empty: the root itself.
Result<sys::UniqueFd> open_beneath(int root, const std::string& path, int flags);

}  // namespace shardrun::gate
