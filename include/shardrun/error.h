#pragma once

#include <expected>
#include <string>
#include <utility>

namespace shardrun {

/// What went wrong: an errno value (our own failures use errno values too, see
/// shardrun-protocol(7)) and the sentence that a person reads: what was tried, on what, and why it
/// failed.
struct Error {
    int code = 0;
    std::string message;

    bool operator==(const Error&) const = default;
};

/// A value or an Error; ignoring one is a compiler warning (std::expected alone is not
/// [[nodiscard]]).
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
    using std::expected<T, Error>::expected;
};

}  // namespace shardrun
