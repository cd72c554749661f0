#include "fetcher/response_head.h"

#include <algorithm>
#include <charconv>

namespace shardrun::fetcher {
namespace {

constexpr std::size_t kValidatorMax = 256;

std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
    return value;
}

bool take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(expected.size());
    return true;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Names differ in case; `wanted` is in small letters.
bool is_named(std::string_view name, std::string_view wanted) {
    return std::ranges::equal(name, wanted, [](char byte, char small) {
        return (byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte) == small;
    });
}

/// It goes back into a header line.
bool is_strong_validator(std::string_view value) {
    return value.size() >= 2 && value.size() <= kValidatorMax && value.front() == '"' &&
           value.back() == '"' &&
           std::ranges::all_of(value, [](char byte) { return byte > ' ' && byte <= '~'; });
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view value) {
    ContentRange range;
    if (!take(value, "bytes ")) return std::nullopt;
    const auto first = take_number(value);
    if (!first || !take(value, "-")) return std::nullopt;
    const auto last = take_number(value);
    if (!last || !take(value, "/") || *last < *first) return std::nullopt;
    range.first = *first;
    range.last = *last;
    if (value == "*") return range;
    range.size = take_number(value);
    if (!range.size || !value.empty() || *range.size <= range.last) return std::nullopt;
    return range;
}

void ResponseHead::on_line(std::string_view line) {
    if (line.starts_with("HTTP/")) *this = {};
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (is_named(line.substr(0, colon), "content-range")) range_ = parse_content_range(value);
    if (is_named(line.substr(0, colon), "etag") && is_strong_validator(value)) validator_ = value;
}

}  // namespace shardrun::fetcher
