#include "replay/percent.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/fail.h"

namespace shardrun::replay {
namespace {

constexpr std::size_t kDigitsMax = 9;  // Of both parts, so that nothing overflows.
constexpr std::size_t kFractionMax = 6;
__extension__ using Wide = unsigned __int128;

bool is_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<Percent> parse_percent(std::string_view text) {
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const std::string_view fraction = point == text.npos ? "" : text.substr(point + 1);
    if (!is_digits(whole) || (point != text.npos && !is_digits(fraction)) ||
        fraction.size() > kFractionMax)
        return refuse(EINVAL, "'{}' is not a percentage: write a number as in 10 or 0.1", text);
    const std::string digits = std::string(whole) + std::string(fraction);
    Percent percent;
    if (digits.size() <= kDigitsMax)
        (void)std::from_chars(digits.data(), digits.data() + digits.size(), percent.numerator);
    for (std::size_t i = 0; i < fraction.size(); ++i) percent.denominator *= 10;
    if (digits.size() > kDigitsMax || percent.numerator > percent.denominator)
        return refuse(ERANGE, "{} is more than 100 percent", text);
    if (percent.numerator == 0) return refuse(ERANGE, "{} percent is nothing", text);
    return percent;
}

std::uint64_t part_of(std::uint64_t whole, Percent percent) {
    const Wide part = static_cast<Wide>(whole) * percent.numerator / percent.denominator;
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(part));
}

}  // namespace shardrun::replay
