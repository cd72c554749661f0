#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fetcher/destination.h"
#include "fetcher/fetch_plan.h"
#include "sys/unique_fd.h"

namespace shardrun::fetcher {

/// A blob that is copied from an origin's directory, piece by piece: others get their turn between.
class DirectoryRead {
 public:
    /// From where `destination`, which outlives it, stands. `directory` is the origin's; what
    /// cannot be opened ends with the first step.
    DirectoryRead(int directory, const std::string& path, Destination& destination);

    /// None while there is more to do.
    std::optional<AttemptEnd> step();

 private:
    std::optional<AttemptEnd> check();
    std::optional<AttemptEnd> copy_piece();
    AttemptEnd ended(AttemptEnd end) const;

    Destination* destination_;
    std::uint64_t began_at_;
    sys::UniqueFd file_;
    int open_errno_ = 0;
    bool is_checked_ = false;
    std::vector<std::byte> piece_;
};

}  // namespace shardrun::fetcher
