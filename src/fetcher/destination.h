#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "blob/digest.h"
#include "fetcher/fetch_plan.h"
#include "fetcher/message.h"
#include "sys/unique_fd.h"

namespace shardrun::fetcher {

/// Where a job's bytes go; hashed on their way. Its position is its own: the caller's is not moved.
class Destination {
 public:
    Destination(sys::UniqueFd file, const FetchOrder& order)
        : file_(std::move(file)), order_(order) {}

    /// Errors: EFBIG beyond what is allowed, EBADMSG beyond the size that it should have; else
    /// those of pwrite(2).
    Result<void> append(std::span<const std::byte> bytes);
    /// The same, before a body of this size comes.
    Result<void> expect(std::uint64_t more_bytes) const;
    /// Begins anew, with an empty file.
    Result<void> restart();

    std::uint64_t size_bytes() const { return size_bytes_; }
    /// True when its size was known and is reached.
    bool is_full() const { return order_.size_bytes > 0 && size_bytes_ == order_.size_bytes; }
    /// No more bytes come: whole or wrong_digest. What is wrong is given up; what is right is on
    /// disk, so that whoever gives the file a name need not wait for that.
    AttemptEnd judge();

 private:
    sys::UniqueFd file_;
    FetchOrder order_;
    std::uint64_t size_bytes_ = 0;
    blob::Hasher hasher_;
};

/// What an error of append(), expect() or restart() means to the job. What the origin sent too much
/// of is given up.
AttemptEnd end_of_error(const Error& error, Destination& destination);

}  // namespace shardrun::fetcher
