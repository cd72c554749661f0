#include "replay/trace_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>

#include "base/fail.h"

namespace shardrun::replay {
namespace {

constexpr std::string_view kHeader = "time,client,object,size";
constexpr std::size_t kFields = 4;
constexpr std::size_t kShownMax = 40;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Printable, and no part of a quoted field, which this format does not have. Bytes above ASCII may
/// be part of UTF-8.
bool is_in_name(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f && byte != '"';
}

/// As it may stand in a message: cut, and without what is not printable.
std::string shown(std::string_view text) {
    std::string result(text.substr(0, kShownMax));
    std::ranges::replace_if(
        result, [](char c) { return !is_in_name(c) && c != '"'; }, '?');
    return text.size() > kShownMax ? result + "..." : result;
}

}  // namespace

TraceReader::TraceReader(ByteSource& source, std::string name)
    : name_(std::move(name)), lines_(source) {}

/// `place` begins in the line, at the column to name.
std::unexpected<Error> TraceReader::refuse_at(std::string_view place, int code,
                                              std::string_view reason) const {
    return refuse(code, "{}:{}:{}: {}", name_, lines_.number(), place.data() - line_.data() + 1,
                  reason);
}

/// The next line; errors with its number.
Result<std::optional<std::string_view>> TraceReader::read_line() {
    auto line = lines_.next();
    if (line) return line;
    return while_doing(std::move(line), "{}:{}", name_, lines_.number());
}

Result<void> TraceReader::read_header() {
    has_header_ = true;
    SR_TRY(const std::optional<std::string_view> line, read_line());
    if (line == kHeader) return {};
    return refuse(EINVAL, "{}:1:1: the header must be '{}', not '{}'", name_, kHeader,
                  shown(line.value_or("")));
}

Result<TraceReader::Fields> TraceReader::split(std::string_view line) const {
    std::array<std::string_view, kFields> fields;
    std::size_t begin = 0;
    for (std::size_t i = 0; i + 1 < kFields; ++i) {
        const std::size_t comma = line.find(',', begin);
        if (comma == line.npos)
            return refuse_at(line.substr(line.size()), EINVAL,
                             fmt::format("the line ends after {} of {} fields", i + 1, kFields));
        fields.at(i) = line.substr(begin, comma - begin);
        begin = comma + 1;
    }
    fields.back() = line.substr(begin);
    if (const std::size_t comma = line.find(',', begin); comma != line.npos)
        return refuse_at(line.substr(comma), EINVAL,
                         fmt::format("the line has more than {} fields", kFields));
    return Fields{fields[0], fields[1], fields[2], fields[3]};
}

Result<double> TraceReader::parse_time(std::string_view text) const {
    double time = 0;
    const char* const end = text.data() + text.size();
    // Digits at both ends leave no sign, no exponent, no "inf".
    const bool is_number = !text.empty() && is_digit(text.front()) && is_digit(text.back());
    const auto parsed =
        std::from_chars(text.data(), text.data() + text.size(), time, std::chars_format::fixed);
    if (is_number && parsed.ec == std::errc::result_out_of_range)
        return refuse_at(text, ERANGE, fmt::format("time '{}' is out of range", shown(text)));
    if (!is_number || parsed.ec != std::errc() || parsed.ptr != end)
        return refuse_at(text, EINVAL,
                         fmt::format("time '{}' is not a number as in 12 or 12.5", shown(text)));
    if (time < time_)
        return refuse_at(
            text, EINVAL,
            fmt::format("time '{}' is before {}, the time of the line before", shown(text), time_));
    return time;
}

Result<void> TraceReader::check_name(std::string_view what, std::string_view name) const {
    if (name.empty()) return refuse_at(name, EINVAL, fmt::format("the {} is missing", what));
    if (name.size() > kNameSizeMax)
        return refuse_at(
            name, EINVAL,
            fmt::format("the {} '{}' is longer than {} bytes", what, shown(name), kNameSizeMax));
    const auto* const bad = std::ranges::find_if_not(name, is_in_name);
    if (bad == name.end()) return {};
    return refuse_at(
        name.substr(static_cast<std::size_t>(bad - name.begin())), EINVAL,
        fmt::format("the {} '{}' has a character that may not stand there: write it without "
                    "quotes and control characters",
                    what, shown(name)));
}

Result<std::uint64_t> TraceReader::parse_size(std::string_view text) const {
    std::uint64_t size = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), size);
    const bool is_number =
        !text.empty() && parsed.ptr == end && parsed.ec != std::errc::invalid_argument;
    if (!is_number)
        return refuse_at(text, EINVAL,
                         fmt::format("size '{}' is not a whole number of bytes", shown(text)));
    if (parsed.ec != std::errc() || size > INT64_MAX)
        return refuse_at(text, ERANGE,
                         fmt::format("size '{}' is more than {}", shown(text), INT64_MAX));
    if (size > std::numeric_limits<std::uint64_t>::max() - asked_bytes_)
        return refuse_at(
            text, ERANGE,
            fmt::format("with size '{}' all requests together ask for more than 2^64 bytes",
                        shown(text)));
    return size;
}

Result<policy::ObjectId> TraceReader::number_object(const Fields& fields,
                                                    std::uint64_t size_bytes) {
    const std::size_t known = objects_.count();
    const policy::ObjectId object = objects_.number(fields.object, size_bytes);
    if (objects_.count() > kObjectsMax)
        return refuse_at(fields.object, EOVERFLOW,
                         fmt::format("the trace has more than {} objects", kObjectsMax));
    const std::uint64_t before = objects_.size_bytes(object);
    if (objects_.count() == known && before != size_bytes)
        return refuse_at(
            fields.size, EINVAL,
            fmt::format("object '{}' has {} bytes here and had {} before; it can have but one size",
                        shown(fields.object), size_bytes, before));
    return object;
}

Result<std::optional<TraceRequest>> TraceReader::next() {
    if (!has_header_) SR_DO(read_header());
    SR_TRY(const std::optional<std::string_view> line, read_line());
    if (!line) return std::optional<TraceRequest>();
    line_ = *line;
    SR_TRY(const Fields fields, split(line_));
    SR_TRY(time_, parse_time(fields.time));
    SR_DO(check_name("client", fields.client));
    SR_DO(check_name("object", fields.object));
    SR_TRY(const std::uint64_t size_bytes, parse_size(fields.size));
    SR_TRY(const policy::ObjectId object, number_object(fields, size_bytes));
    asked_bytes_ += size_bytes;
    return TraceRequest{time_, fields.client, object, size_bytes};
}

}  // namespace shardrun::replay
