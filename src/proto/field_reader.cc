#include "proto/field_reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proto/limits.h"

namespace shardrun::proto {

std::string FieldReader::path() const {
    std::string path = parent_ == nullptr ? std::string() : parent_->path() + ".";
    path += name_;
    if (!alternative_.empty()) path.append(".").append(alternative_);
    return path;
}

void FieldReader::refuse_at(std::size_t offset, std::string_view field, std::string_view what) {
    if (fault_) return;
    std::string sentence = path();
    if (!field.empty()) sentence.append(".").append(field);
    sentence.append(": ").append(what);
    fault_ = Fault{Error{EPROTO, std::move(sentence)}, offset};
}

void FieldReader::adopt(const Fault& inner, std::size_t tlv_offset) {
    if (fault_) return;
    fault_ = inner;
    fault_->offset_bytes += tlv_offset + kTlvHeaderSize;
}

bool FieldReader::read_number(std::string_view field, std::size_t size, Bounds bounds,
                              std::uint64_t& value) {
    if (fault_) return false;
    const std::size_t at = in_.offset();
    const auto bytes = in_.read_bytes(size);
    if (!bytes) return refuse_at(at, field, bytes.error().message), false;
    value = 0;
    for (std::size_t i = 0; i < size; ++i)
        value |= std::to_integer<std::uint64_t>((*bytes)[i]) << (8 * i);
    if (value >= bounds.min && value <= bounds.max) return true;
    refuse_at(at, field, fmt::format("{} is not within {}..{}", value, bounds.min, bounds.max));
    return false;
}

void FieldReader::read_text(std::string_view field, std::string& value, std::size_t size) {
    const std::size_t at = in_.offset();
    const auto bytes = in_.read_bytes(size);
    if (!bytes) return refuse_at(at, field, bytes.error().message);
    const auto nul = std::ranges::find(*bytes, std::byte{0});
    if (nul != bytes->end())
        return refuse_at(at + static_cast<std::size_t>(nul - bytes->begin()), field,
                         "has a NUL byte in it");
    value.resize(size);
    std::ranges::transform(*bytes, value.begin(),
                           [](std::byte byte) { return static_cast<char>(byte); });
}

void FieldReader::text(std::string_view field, std::string& value, Length length) {
    std::uint16_t size = 0;
    const std::size_t at = in_.offset();
    number(field, size);
    if (fault_) return;
    if (size < length.min || size > length.max)
        return refuse_at(
            at, field,
            fmt::format("its length {} is not within {}..{}", size, length.min, length.max));
    read_text(field, value, size);
}

void FieldReader::rest_text(std::string_view field, std::string& value, Length length) {
    if (fault_) return;
    const std::size_t size = in_.remaining();
    if (size < length.min || size > length.max)
        return refuse_at(
            in_.offset(), field,
            fmt::format("its length {} is not within {}..{}", size, length.min, length.max));
    read_text(field, value, size);
}

void FieldReader::rest_bytes(std::string_view field, std::vector<std::byte>& value, Length length) {
    if (fault_) return;
    const std::size_t at = in_.offset();
    const std::size_t size = in_.remaining();
    if (size < length.min || size > length.max)
        return refuse_at(
            at, field,
            fmt::format("its length {} is not within {}..{}", size, length.min, length.max));
    const auto bytes = in_.read_bytes(size);
    value.assign(bytes->begin(), bytes->end());
}

void FieldReader::exact_bytes(std::string_view field, std::span<std::byte> value) {
    if (fault_) return;
    const std::size_t at = in_.offset();
    const auto bytes = in_.read_bytes(value.size());
    if (!bytes) return refuse_at(at, field, bytes.error().message);
    std::ranges::copy(*bytes, value.begin());
}

bool FieldReader::index_one() {
    const std::size_t at = in_.offset();
    if (tlvs_.size() == kTlvCountMax)
        return refuse_at(at, "", fmt::format("more than {} optional fields", kTlvCountMax)), false;
    if (in_.remaining() < kTlvHeaderSize)
        return refuse_at(at, "",
                         fmt::format("an optional field begins with {} bytes, {} are left",
                                     kTlvHeaderSize, in_.remaining())),
               false;
    const std::uint16_t tag = *in_.read<std::uint16_t>();
    const std::uint32_t size = *in_.read<std::uint32_t>();
    const auto value = in_.read_bytes(size);
    if (!value)
        return refuse_at(at, "",
                         fmt::format("optional field {:#06x} {}", tag, value.error().message)),
               false;
    const auto number = static_cast<std::uint16_t>(tag & ~kCriticalBit);
    tlvs_.push_back({number, (tag & kCriticalBit) != 0, false, at, *value});
    return true;
}

void FieldReader::index() {
    if (is_indexed_ || fault_) return;
    is_indexed_ = true;
    while (!in_.empty())
        if (!index_one()) return;
    const auto place = [](const Tlv& tlv) { return std::pair(tlv.number, tlv.offset); };
    if (!std::ranges::is_sorted(tlvs_, {}, place)) std::ranges::sort(tlvs_, {}, place);
}

std::span<const FieldReader::Tlv> FieldReader::find(Tag tag, std::string_view field, Count count) {
    SR_ASSERT(shape_ == Shape::open);
    index();
    if (fault_) return {};
    const auto found =
        std::ranges::equal_range(tlvs_, static_cast<std::uint16_t>(tag), {}, &Tlv::number);
    for (Tlv& tlv : found) tlv.is_taken = true;
    if (found.size() > count.max)
        refuse_at(found[static_cast<std::ptrdiff_t>(count.max)].offset, field,
                  count.max == 1 ? "is there twice"
                                 : fmt::format("is there more than {} times", count.max));
    if (found.size() < count.min)
        refuse_at(0, field,
                  fmt::format("is there {} times, at least {} is needed", found.size(), count.min));
    return fault_ ? std::span<const Tlv>() : std::span<const Tlv>(found);
}

void FieldReader::require(bool holds, std::string_view field, std::string_view rule) {
    if (!holds) refuse_at(0, field, rule);
}

const std::optional<Fault>& FieldReader::finish() {
    if (fault_) return fault_;
    if (shape_ == Shape::closed) {
        if (!in_.empty())
            refuse_at(in_.offset(), "", fmt::format("{} bytes too many", in_.remaining()));
        return fault_;
    }
    index();
    for (const Tlv& tlv : tlvs_)
        if (tlv.is_critical && !tlv.is_taken)
            refuse_at(
                tlv.offset, "",
                fmt::format("critical field {:#06x} is not known", tlv.number | kCriticalBit));
    return fault_;
}

}  // namespace shardrun::proto
