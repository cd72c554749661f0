#include <algorithm>
#include <array>
#include <optional>

#include "base/fail.h"
#include "cli/quantity.h"

namespace shardrun::cli {
namespace {

struct IoField {
    std::string_view name;
    std::optional<std::uint64_t> IoLimit::*member;
};
constexpr std::array<IoField, 4> kIoFields{{{"rbps", &IoLimit::read_bytes_per_second},
                                            {"wbps", &IoLimit::write_bytes_per_second},
                                            {"riops", &IoLimit::read_ops_per_second},
                                            {"wiops", &IoLimit::write_ops_per_second}}};

/// Reads one "rbps=10M" into `limit`.
Result<void> parse_field(std::string_view field, IoLimit& limit) {
    const std::size_t equals = field.find('=');
    const auto* known = std::ranges::find(kIoFields, field.substr(0, equals), &IoField::name);
    if (equals == field.npos || known == kIoFields.end())
        return refuse(EINVAL,
                      "'{}' is not an io limit: write rbps=, wbps=, riops= or wiops= and a number",
                      field);
    const std::string_view number = field.substr(equals + 1);
    if (number == "max") return {};
    SR_TRY(const std::uint64_t rate, parse_size(number));
    if (rate == 0) return refuse(ERANGE, "'{}': 0 is less than 1", field);
    limit.*(known->member) = rate;
    return {};
}

/// The device in front and the fields behind it. "8:0:rbps=1M" has a ':' inside the device.
std::pair<std::string_view, std::string_view> split_device(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::size_t split = text.find_last_of(": ", equals);
    if (equals == text.npos || split == text.npos) return {text, {}};
    return {text.substr(0, split), text.substr(split + 1)};
}

Result<std::pair<std::uint32_t, std::uint32_t>> parse_device(std::string_view text,
                                                             const DeviceResolver& resolve) {
    if (text.starts_with('/')) return resolve(text);
    const std::size_t colon = text.find(':');
    if (colon == text.npos)
        return refuse(
            EINVAL, "'{}' is not a block device: write MAJOR:MINOR or a path as in /dev/sda", text);
    SR_TRY(const std::uint64_t major, parse_count(text.substr(0, colon), 0, 4095));
    SR_TRY(const std::uint64_t minor, parse_count(text.substr(colon + 1), 0, 1048575));
    return std::pair(static_cast<std::uint32_t>(major), static_cast<std::uint32_t>(minor));
}

}  // namespace

Result<IoLimit> parse_io_limit(std::string_view text, const DeviceResolver& resolve) {
    const auto [device, fields] = split_device(text);
    if (fields.empty())
        return refuse(EINVAL,
                      "'{}' is not an io limit: write one as in /dev/sda:rbps=10M,wiops=100", text);
    IoLimit limit;
    SR_TRY(const auto numbers, while_doing(parse_device(device, resolve), "io limit '{}'", text));
    limit.major = numbers.first;
    limit.minor = numbers.second;
    std::string_view rest = fields;
    while (!rest.empty()) {
        const std::string_view field = rest.substr(0, rest.find_first_of(", "));
        SR_DO(parse_field(field, limit));
        rest.remove_prefix(std::min(field.size() + 1, rest.size()));
    }
    return limit;
}

Result<std::pair<std::uint32_t, std::uint32_t>> refuse_device_path(std::string_view path) {
    return refuse(EINVAL, "'{}' is a path: write the device as MAJOR:MINOR, as 'lsblk' shows it",
                  path);
}

}  // namespace shardrun::cli
