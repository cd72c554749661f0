#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "image/manifest.h"

/// What the importer tells whoever started it, in frames: u8 type, u32 size, then so many bytes.
///
///     content      bytes of the file under way
///     content_end  u64 size: the file under way is complete; files count from 0
///     entry        an entry (entry_codec.h), in the order of a manifest; for a file, the digest is
///                  u32 number of its content and zeros, and the size 0
///     edge         one or more: u32 from, u32 to, u8 reason; after all entries
///     run          RunConfig: three lists and two texts, as in manifest_codec.h
///     progress     u64 bytes of the input that were read
///     note         a sentence for the user
///     refusal      u32 errno value, sentence: the import is given up; the last frame
///     done         u32 count of entries: the last frame
namespace shardrun::image {

enum class FrameType : std::uint8_t {
    content = 1,
    content_end = 2,
    entry = 3,
    edge = 4,
    run = 5,
    progress = 6,
    note = 7,
    refusal = 8,
    done = 9
};

inline constexpr std::size_t kFrameHeaderSize = 5;
inline constexpr std::size_t kFramePayloadMax = std::size_t{8} << 20U;

struct ImportFrame {
    FrameType type = FrameType::content;
    std::span<const std::byte> payload;  ///< within the buffer that it was taken from
};

/// The frame at the front of `bytes`; none while it is incomplete. Errors: EPROTO, EMSGSIZE.
Result<std::optional<ImportFrame>> take_frame(std::span<const std::byte> bytes);

/// The header of a frame with a payload of this size.
std::vector<std::byte> frame_header(FrameType type, std::size_t payload_size);

}  // namespace shardrun::image
