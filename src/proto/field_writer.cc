#include "proto/field_writer.h"

#include <array>
#include <cerrno>

#include "proto/limits.h"

namespace shardrun::proto {

std::string FieldWriter::path() const {
    std::string path = parent_ == nullptr ? std::string() : parent_->path() + ".";
    path += name_;
    if (!alternative_.empty()) path.append(".").append(alternative_);
    return path;
}

void FieldWriter::refuse_field(int code, std::string_view field, std::string_view what) {
    if (error_) return;
    std::string sentence = path();
    if (!field.empty()) sentence.append(".").append(field);
    sentence.append(": ").append(what);
    error_ = Error{code, std::move(sentence)};
}

void FieldWriter::keep(std::string_view field, const Result<void>& written) {
    if (!written) refuse_field(written.error().code, field, written.error().message);
}

void FieldWriter::write_number(std::string_view field, std::size_t size, Bounds bounds,
                               std::uint64_t value) {
    if (error_) return;
    if (value < bounds.min || value > bounds.max)
        return refuse_field(EPROTO, field,
                            fmt::format("{} is not within {}..{}", value, bounds.min, bounds.max));
    std::array<std::byte, sizeof(value)> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(value >> (8 * i));
    keep(field, out_->write_bytes(std::span(bytes).first(size)));
}

bool FieldWriter::check_text(std::string_view field, std::string_view text, Length length) {
    if (text.size() < length.min || text.size() > length.max)
        refuse_field(
            EPROTO, field,
            fmt::format("its length {} is not within {}..{}", text.size(), length.min, length.max));
    if (text.contains('\0')) refuse_field(EPROTO, field, "has a NUL byte in it");
    return !error_;
}

void FieldWriter::text(std::string_view field, const std::string& value, Length length) {
    if (!check_text(field, value, length)) return;
    keep(field, out_->write(static_cast<std::uint16_t>(value.size())));
    keep(field, out_->write_text(value));
}

void FieldWriter::rest_text(std::string_view field, const std::string& value, Length length) {
    if (check_text(field, value, length)) keep(field, out_->write_text(value));
}

void FieldWriter::rest_bytes(std::string_view field, const std::vector<std::byte>& value,
                             Length length) {
    if (value.size() < length.min || value.size() > length.max)
        refuse_field(EPROTO, field,
                     fmt::format("its length {} is not within {}..{}", value.size(), length.min,
                                 length.max));
    if (!error_) keep(field, out_->write_bytes(value));
}

void FieldWriter::exact_bytes(std::string_view field, std::span<const std::byte> value) {
    if (!error_) keep(field, out_->write_bytes(value));
}

std::size_t FieldWriter::begin_tlv(Tag tag, std::string_view field) {
    const auto number = static_cast<std::uint16_t>(tag);
    const auto critical = static_cast<std::uint16_t>(number | kCriticalBit);
    keep(field, out_->write(is_critical_ ? critical : number));
    const std::size_t length_at = out_->size();
    keep(field, out_->write(std::uint32_t{0}));
    return length_at;
}

void FieldWriter::end_tlv(std::size_t length_at) {
    const std::size_t size = out_->size() - length_at - sizeof(std::uint32_t);
    out_->patch(length_at, static_cast<std::uint32_t>(size));
}

void FieldWriter::check_count(std::string_view field, std::size_t size, Count count) {
    if (size > count.max)
        refuse_field(EPROTO, field, fmt::format("is there more than {} times", count.max));
    if (size < count.min)
        refuse_field(EPROTO, field,
                     fmt::format("is there {} times, at least {} is needed", size, count.min));
}

void FieldWriter::require(bool holds, std::string_view field, std::string_view rule) {
    if (!holds) refuse_field(EPROTO, field, rule);
}

}  // namespace shardrun::proto
