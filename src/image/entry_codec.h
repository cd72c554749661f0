#pragma once

#include "base/byte_cursor.h"
#include "image/manifest.h"

/// One entry as bytes, in manifests and between the importer and whoever started it:
///
///     u8  type
///     u16 size, path
///     hard link:  u32 index of the file
///     all others: u16 mode, u32 uid, u32 gid, u64 seconds (two's complement), u32 nanoseconds,
///                 u8 count of extended attributes, each: u8 size, name, u32 size, value
///     file:       u64 size, 32 bytes digest, u8 kind
///     symlink:    u16 size, target
///     devices:    u32 major, u32 minor
namespace shardrun::image {

/// Errors: EMSGSIZE. What Manifest::create refuses may assert here.
Result<void> write_entry(ByteWriter& out, const Entry& entry);

/// Takes what the table allows, however little sense it makes. Errors: EPROTO.
Result<Entry> read_entry(ByteReader& in);

/// A text with its size before it.
template <WireInteger Size>
Result<void> write_sized(ByteWriter& out, std::string_view text) {
    SR_ASSERT(text.size() <= static_cast<Size>(~Size{0}));
    SR_DO(out.write(static_cast<Size>(text.size())));
    return out.write_text(text);
}

template <WireInteger Size>
Result<std::string> read_sized(ByteReader& in) {
    SR_TRY(const Size size, in.read<Size>());
    SR_TRY(const std::span<const std::byte> bytes, in.read_bytes(size));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace shardrun::image
