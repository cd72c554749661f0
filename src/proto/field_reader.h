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

/// Fills a described value from bytes. The first refusal sticks: what follows it is skipped, so a
/// description needs no checks of its own. All fixed fields come before the first optional one.
class FieldReader {
 public:
    template <class T>
    using Value = T;

    /// `name` begins every sentence. `bytes` must outlive the reader.
    FieldReader(std::string_view name, std::span<const std::byte> bytes, Shape shape)
        : name_(name), in_(bytes), shape_(shape) {}

    /// From here on sentences say "Name.alternative".
    void enter_alternative(std::string_view alternative) { alternative_ = alternative; }

    // ---- Fixed fields, in order. ----
    template <class T>
    void number(std::string_view field, T& value, Bounds bounds = {}) {
        std::uint64_t wide = 0;
        if (read_number(field, sizeof(WireType<T>), bounds_of<T>(bounds), wide))
            value = static_cast<T>(wide);
    }
    /// u16 length, then as many bytes; no NUL among them.
    void text(std::string_view field, std::string& value, Length length);
    /// All bytes that are left, as text without NUL.
    void rest_text(std::string_view field, std::string& value, Length length);
    /// All bytes that are left.
    void rest_bytes(std::string_view field, std::vector<std::byte>& value, Length length);
    /// Exactly `value.size()` bytes.
    void exact_bytes(std::string_view field, std::span<std::byte> value);

    // ---- Optional fields, in any order on the wire. ----
    template <class T>
    void optional(Tag tag, std::string_view field, std::optional<T>& value, Bounds bounds = {}) {
        record(tag, field, value,
               [&](auto& inner, T& number) { inner.number("", number, bounds); });
    }
    void optional_text(Tag tag, std::string_view field, std::optional<std::string>& value,
                       Length length) {
        record(tag, field, value,
               [&](auto& inner, std::string& text) { inner.rest_text("", text, length); });
    }
    /// A value of fixed fields only.
    template <class T, class Describe>
    void record(Tag tag, std::string_view field, std::optional<T>& value, Describe describe) {
        const std::span<const Tlv> found = find(tag, field, {0, 1});
        if (!found.empty()) read_inner(found[0], field, Shape::closed, value.emplace(), describe);
    }
    /// A value with optional fields of its own.
    template <class T, class Describe>
    void group(Tag tag, std::string_view field, std::optional<T>& value, Describe describe) {
        const std::span<const Tlv> found = find(tag, field, {0, 1});
        if (!found.empty()) read_inner(found[0], field, Shape::open, value.emplace(), describe);
    }
    /// A field that may be there several times.
    template <class T, class Describe>
    void repeated(Tag tag, std::string_view field, std::vector<T>& values, Count count,
                  Describe describe) {
        const std::span<const Tlv> found = find(tag, field, count);
        values.reserve(found.size());
        for (const Tlv& tlv : found)
            read_inner(tlv, field, Shape::closed, values.emplace_back(), describe);
    }
    void texts(Tag tag, std::string_view field, std::vector<std::string>& values, Count count,
               Length length) {
        repeated(tag, field, values, count,
                 [&](auto& inner, std::string& text) { inner.rest_text("", text, length); });
    }

    /// Refuses the value if a rule between its fields does not hold.
    void require(bool holds, std::string_view field, std::string_view rule);

    /// Refuses bytes that are left and unknown critical fields. Why the value is refused, if it is.
    const std::optional<Fault>& finish();

 private:
    struct Tlv {
        std::uint16_t number = 0;
        bool is_critical = false;
        bool is_taken = false;
        std::size_t offset = 0;  ///< of its tag, within these bytes
        std::span<const std::byte> value;
    };

    template <class T, class Describe>
    void read_inner(const Tlv& tlv, std::string_view field, Shape shape, T& value,
                    Describe& describe) {
        if (fault_) return;
        FieldReader inner(field, tlv.value, shape);
        inner.parent_ = this;
        describe(inner, value);
        if (const auto& fault = inner.finish()) adopt(*fault, tlv.offset);
    }

    bool read_number(std::string_view field, std::size_t size, Bounds bounds, std::uint64_t& value);
    void read_text(std::string_view field, std::string& value, std::size_t size);
    std::span<const Tlv> find(Tag tag, std::string_view field, Count count);
    void index();
    bool index_one();
    void adopt(const Fault& inner, std::size_t tlv_offset);
    void refuse_at(std::size_t offset, std::string_view field, std::string_view what);
    std::string path() const;

    std::string_view name_;
    std::string_view alternative_;
    const FieldReader* parent_ = nullptr;
    ByteReader in_;
    Shape shape_;
    bool is_indexed_ = false;
    std::vector<Tlv> tlvs_;  ///< by number; in order of arrival within one number
    std::optional<Fault> fault_;
};

}  // namespace shardrun::proto
