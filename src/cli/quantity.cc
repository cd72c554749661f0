#include "cli/quantity.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <string>

#include "base/fail.h"
#include "cli/did_you_mean.h"

namespace shardrun::cli {
namespace {

struct Unit {
    std::string_view name;
    double factor;
};

constexpr std::array<Unit, 14> kSizeUnits{{{"", 1},
                                           {"b", 1},
                                           {"k", 1024.0},
                                           {"kb", 1024.0},
                                           {"kib", 1024.0},
                                           {"m", 1048576.0},
                                           {"mb", 1048576.0},
                                           {"mib", 1048576.0},
                                           {"g", 1073741824.0},
                                           {"gb", 1073741824.0},
                                           {"gib", 1073741824.0},
                                           {"t", 1099511627776.0},
                                           {"tb", 1099511627776.0},
                                           {"tib", 1099511627776.0}}};
constexpr std::array<Unit, 5> kTimeUnits{
    {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

/// "1.5g" → 1.5 × the factor of "g"; none for anything else.
std::optional<double> scaled(std::string_view text, std::span<const Unit> units) {
    const auto is_number = [](char c) { return is_digit(c) || c == '.'; };
    const auto split = std::find_if_not(text.begin(), text.end(), is_number);
    const std::string_view digits(text.begin(), split);
    if (digits.empty() || !is_digit(digits.front()) || !is_digit(digits.back())) return {};
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number,
                                              std::chars_format::fixed);
    if (error != std::errc() || end != digits.data() + digits.size()) return {};
    const std::string unit = lower(std::string_view(split, text.end()));
    const auto found = std::ranges::find(units, unit, &Unit::name);
    if (found == units.end()) return {};
    return number * found->factor;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
    return number;
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    // Exact for plain bytes, which a double would round above 2^53.
    if (const auto bytes = whole_number(text); bytes && *bytes <= INT64_MAX) return *bytes;
    const auto bytes = scaled(text, kSizeUnits);
    if (!bytes)
        return refuse(EINVAL,
                      "'{}' is not a size: write bytes, or a number with K, M, G or T, as in 512M",
                      text);
    if (*bytes >= 0x1p63) return refuse(ERANGE, "'{}' is more than 2^63 bytes", text);
    return static_cast<std::uint64_t>(std::llround(*bytes));
}

Result<std::uint32_t> parse_cpus(std::string_view text) {
    const auto cores = scaled(text, std::span(kSizeUnits).first(1));
    if (!cores)
        return refuse(EINVAL, "'{}' is not a number of cores: write one as in 2 or 0.5", text);
    if (*cores < 0.01) return refuse(ERANGE, "'{}' cores are less than 0.01", text);
    if (*cores > 1024) return refuse(ERANGE, "'{}' cores are more than 1024", text);
    return static_cast<std::uint32_t>(std::llround(*cores * 1000));
}

Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t min, std::uint64_t max) {
    const auto number = whole_number(text);
    if (!number)
        return refuse(EINVAL, "'{}' is not a whole number: write one from {} to {}", text, min,
                      max);
    if (*number < min) return refuse(ERANGE, "{} is less than {}", *number, min);
    if (*number > max) return refuse(ERANGE, "{} is more than {}", *number, max);
    return *number;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto ms = scaled(text, kTimeUnits);
    if (!ms)
        return refuse(
            EINVAL, "'{}' is not a time: write seconds, or a number with ms, s, m or h, as in 1.5s",
            text);
    if (*ms > 365.0 * 86400 * 1000) return refuse(ERANGE, "'{}' is more than 365 days", text);
    return std::chrono::milliseconds(std::llround(*ms));
}

Result<int> parse_signal(std::string_view text) {
    if (whole_number(text)) {
        SR_TRY(const std::uint64_t number, parse_count(text, 1, 64));
        return static_cast<int>(number);
    }
    const std::string name = lower(text.substr(lower(text.substr(0, 3)) == "sig" ? 3 : 0));
    for (int number = 1; number < 32; ++number) {
        const char* abbreviation = ::sigabbrev_np(number);
        if (abbreviation != nullptr && lower(abbreviation) == name) return number;
    }
    return refuse(EINVAL, "'{}' is no signal: write a name as in TERM, or a number from 1 to 64",
                  text);
}

Result<std::string> parse_cpuset(std::string_view text) {
    const auto refused = [&] {
        return refuse(EINVAL, "'{}' is not a list of cores: write one as in 0-3,7", text);
    };
    std::string_view rest = text;
    while (true) {
        const std::string_view item = rest.substr(0, rest.find(','));
        const std::size_t dash = item.find('-');
        const auto first = whole_number(item.substr(0, dash));
        const auto last = dash == item.npos ? first : whole_number(item.substr(dash + 1));
        if (!first || !last || *last < *first || *last > 65535) return refused();
        if (item.size() == rest.size()) return std::string(text);
        rest.remove_prefix(item.size() + 1);
    }
}

Result<std::string> parse_hostname(std::string_view text) {
    const auto is_allowed = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '.';
    };
    if (text.empty() || text.size() > 64 || !std::ranges::all_of(text, is_allowed) ||
        text.front() == '-' || text.front() == '.')
        return refuse(EINVAL, "'{}' is not a host name: write 1 to 64 letters, digits, '-' and '.'",
                      text);
    return std::string(text);
}

}  // namespace shardrun::cli
