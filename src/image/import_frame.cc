#include "image/import_frame.h"

#include "base/byte_cursor.h"
#include "base/fail.h"

namespace shardrun::image {

Result<std::optional<ImportFrame>> take_frame(std::span<const std::byte> bytes) {
    if (bytes.size() < kFrameHeaderSize) return std::nullopt;
    ByteReader in(bytes);
    SR_TRY(const std::uint8_t type, in.read<std::uint8_t>());
    SR_TRY(const std::uint32_t size, in.read<std::uint32_t>());
    if (type < 1 || type > 9) return refuse(EPROTO, "unknown frame {}", type);
    if (size > kFramePayloadMax)
        return refuse(EMSGSIZE, "a frame of {} bytes is more than {}", size, kFramePayloadMax);
    if (in.remaining() < size) return std::nullopt;
    SR_TRY(const std::span<const std::byte> payload, in.read_bytes(size));
    return ImportFrame{static_cast<FrameType>(type), payload};
}

std::vector<std::byte> frame_header(FrameType type, std::size_t payload_size) {
    SR_ASSERT(payload_size <= kFramePayloadMax);
    ByteWriter out(kFrameHeaderSize);
    const bool fits = out.write(static_cast<std::uint8_t>(type)).has_value() &&
                      out.write(static_cast<std::uint32_t>(payload_size)).has_value();
    SR_ASSERT(fits);
    return std::move(out).take();
}

}  // namespace shardrun::image
