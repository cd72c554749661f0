#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shardrun::fetcher {

/// "bytes 100-199/1000": which part of a file an answer has. Source: RFC 9110, section 14.4.
struct ContentRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::optional<std::uint64_t> size{};  ///< of the whole; none when the server does not say

    bool operator==(const ContentRange&) const = default;
};
/// None when it is anything else, one that contradicts itself included.
std::optional<ContentRange> parse_content_range(std::string_view value);

/// What of an answer's header lines matters here. Redirects bring several heads; the last counts.
class ResponseHead {
 public:
    /// A status line begins anew.
    void on_line(std::string_view line);

    /// None when there was none, or none that is valid.
    const std::optional<ContentRange>& range() const { return range_; }
    /// A strong validator with its quotes, fit for If-Range (RFC 9110, section 13.1.5), or empty.
    const std::string& validator() const { return validator_; }

 private:
    std::optional<ContentRange> range_;
    std::string validator_;
};

}  // namespace shardrun::fetcher
