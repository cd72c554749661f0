#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_cursor.h"
#include "proto/field.h"
#include "proto/tag.h"

namespace shardrun::proto {

/// Makes bytes of a described value: the mirror of FieldReader, call by call. Refuses what the
/// reader would refuse; the first refusal sticks, and what was written by then is of no use.
class FieldWriter {
 public:
    template <class T>
    using Value = const T;

    /// `is_critical`: optional fields are marked so. `out` must outlive the writer.
    FieldWriter(std::string_view name, ByteWriter& out, bool is_critical)
        : name_(name), out_(&out), is_critical_(is_critical) {}

    void enter_alternative(std::string_view alternative) { alternative_ = alternative; }

    // ---- Fixed fields, in order. ----
    template <class T>
    void number(std::string_view field, const T& value, Bounds bounds = {}) {
        write_number(field, sizeof(WireType<T>), bounds_of<T>(bounds),
                     std::uint64_t{static_cast<WireType<T>>(value)});
    }
    void text(std::string_view field, const std::string& value, Length length);
    void rest_text(std::string_view field, const std::string& value, Length length);
    void rest_bytes(std::string_view field, const std::vector<std::byte>& value, Length length);
    void exact_bytes(std::string_view field, std::span<const std::byte> value);

    // ---- Optional fields. ----
    template <class T>
    void optional(Tag tag, std::string_view field, const std::optional<T>& value,
                  Bounds bounds = {}) {
        record(tag, field, value,
               [&](auto& inner, const T& number) { inner.number("", number, bounds); });
    }
    void optional_text(Tag tag, std::string_view field, const std::optional<std::string>& value,
                       Length length) {
        record(tag, field, value,
               [&](auto& inner, const std::string& text) { inner.rest_text("", text, length); });
    }
    template <class T, class Describe>
    void record(Tag tag, std::string_view field, const std::optional<T>& value, Describe describe) {
        if (value) write_inner(tag, field, *value, describe);
    }
    template <class T, class Describe>
    void group(Tag tag, std::string_view field, const std::optional<T>& value, Describe describe) {
        record(tag, field, value, describe);
    }
    template <class T, class Describe>
    void repeated(Tag tag, std::string_view field, const std::vector<T>& values, Count count,
                  Describe describe) {
        check_count(field, values.size(), count);
        for (const T& value : values) write_inner(tag, field, value, describe);
    }
    void texts(Tag tag, std::string_view field, const std::vector<std::string>& values, Count count,
               Length length) {
        repeated(tag, field, values, count,
                 [&](auto& inner, const std::string& text) { inner.rest_text("", text, length); });
    }

    void require(bool holds, std::string_view field, std::string_view rule);

    /// Why the value cannot be sent, if it cannot.
    const std::optional<Error>& finish() const { return error_; }

 private:
    template <class T, class Describe>
    void write_inner(Tag tag, std::string_view field, const T& value, Describe& describe) {
        if (error_) return;
        const std::size_t length_at = begin_tlv(tag, field);
        FieldWriter inner(field, *out_, is_critical_);
        inner.parent_ = this;
        describe(inner, value);
        if (!error_) error_ = inner.error_;
        if (!error_) end_tlv(length_at);
    }

    std::size_t begin_tlv(Tag tag, std::string_view field);
    void end_tlv(std::size_t length_at);
    void write_number(std::string_view field, std::size_t size, Bounds bounds, std::uint64_t value);
    bool check_text(std::string_view field, std::string_view text, Length length);
    void check_count(std::string_view field, std::size_t size, Count count);
    void keep(std::string_view field, const Result<void>& written);
    void refuse_field(int code, std::string_view field, std::string_view what);
    std::string path() const;

    std::string_view name_;
    std::string_view alternative_;
    const FieldWriter* parent_ = nullptr;
    ByteWriter* out_;
    bool is_critical_;
    std::optional<Error> error_;
};

}  // namespace shardrun::proto
