#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shardrun::gate {

enum class EntryType : std::uint8_t { directory, file, symlink, hard_link };

/// One name of a tree, as the caller's image has it.
struct Entry {
    std::string
        path;  ///< below the root, as in "usr/bin/python3"; its directory is an entry before
    EntryType type = EntryType::file;
    std::uint64_t size_bytes = 0;  ///< of a file
    mode_t mode = 0;               ///< permission bits; not of links
    uid_t uid = 0;
    gid_t gid = 0;
    timespec mtime{};
    std::string
        target;  ///< a symbolic link's text, or the path of the file entry that a hard link names
};

/// All names of a tree, for as many trees of the same image as there are.
using Entries = std::shared_ptr<const std::vector<Entry>>;

/// A file of a tree: the index of its entry. Hard links have none of their own.
enum class FileId : std::uint32_t {};

}  // namespace shardrun::gate
