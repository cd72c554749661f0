#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/byte_cursor.h"
#include "image/manifest.h"

/// A manifest as the bytes of a blob, all little-endian:
///
///     8 bytes "SRIMAGE1"
///     u32 count of entries, then the entries (entry_codec.h)
///     u32 count of edges, each: u32 from, u32 to, u8 reason
///     three lists (entrypoint, command, environment): u32 count, each u32 size, text
///     two texts (working directory, user): u32 size, text
///
/// One manifest has one encoding, and so one digest.
namespace shardrun::image {

/// Errors: EMSGSIZE above kManifestSizeMax.
Result<std::vector<std::byte>> encode_manifest(const Manifest& manifest);

/// For bytes from anywhere: takes exactly what encode_manifest can give. Errors: EPROTO, EMSGSIZE.
Result<Manifest> decode_manifest(std::span<const std::byte> bytes);

/// The parts of it that the importer sends by themselves.
Result<void> write_edge(ByteWriter& out, const Edge& edge);
Result<Edge> read_edge(ByteReader& in);
Result<void> write_run_config(ByteWriter& out, const RunConfig& run);
Result<RunConfig> read_run_config(ByteReader& in);

/// Whether these are the first bytes of a manifest, of any version.
bool is_manifest(std::span<const std::byte> bytes);
inline constexpr std::size_t kManifestMagicSize = 8;

}  // namespace shardrun::image
