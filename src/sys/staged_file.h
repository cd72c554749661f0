#pragma once

#include <string>

#include "shardrun/error.h"
#include "sys/directory.h"

namespace shardrun::sys {

/// A file that has no name yet: what is not linked goes with the object, and with the process,
/// whatever ends it. File systems without O_TMPFILE get a name in `staging` meanwhile, which a
/// process that is killed leaves behind there. Source: open(2).
class StagedFile {
 public:
    static Result<StagedFile> create(const Directory& staging, mode_t mode);

    StagedFile(StagedFile&& other) noexcept;
    StagedFile& operator=(StagedFile&&) = delete;
    StagedFile(const StagedFile&) = delete;
    StagedFile& operator=(const StagedFile&) = delete;
    ~StagedFile();

    int fd() const { return fd_.get(); }
    /// A new descriptor, open for reading from the beginning, with a position and flags of its own.
    Result<UniqueFd> open_for_reading() const;
    /// From now on fd() cannot write; whoever was given a copy before still can.
    Result<void> give_up_writing();
    /// Its contents reach the disk.
    Result<void> sync() const;
    /// Gives it a name, on the file system of `staging`. Errors: EEXIST when that is taken.
    Result<void> link(const Directory& folder, const std::string& name) const;
    /// The same, replacing in one step what has the name.
    Result<void> replace(const Directory& folder, const std::string& name) const;

 private:
    StagedFile(UniqueFd fd, int staging, std::string name)
        : fd_(std::move(fd)), staging_(staging), name_(std::move(name)) {}

    UniqueFd fd_;
    int staging_ = -1;  // The directory's own; it outlives what is staged in it.
    std::string name_;  // Empty: O_TMPFILE.
};

/// A name that no other process or call has: pid, time and a counter.
std::string unique_name();

}  // namespace shardrun::sys
