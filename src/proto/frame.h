#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <vector>

#include "proto/limits.h"
#include "shardrun/error.h"
#include "shardrun/messages.h"

/// Frames as bytes. Which frames are well-formed is decided here and nowhere else: encode_frame
/// refuses whatever decode_frame would refuse. Beyond the bounds in proto/limits.h:
///
/// | message          | may be a              | descriptors                                       |
/// | ResourceRequest  | request               | Run without a terminal: 0..3 (stdio); else none   |
/// | ShardAssignment  | reply, event          | as many as `fds` has roles                        |
/// | ResourceAccess   | request               | none                                              |
/// | ShardStatus      | request, reply, event | none                                              |
/// | PrefetchRequest  | request, event        | none                                              |
/// | PrefetchResponse | reply, event          | 0 or 1 (the blob), and then no inline data        |
/// | ErrorReply       | error flag, always    | none                                              |
///
/// A frame without the flags reply, event and error is a request. reply and event exclude each
/// other; `more` stands only with reply or event. Only an error frame may have correlation 0. Ids
/// that name something must not be 0 (Signal.shard, Resize.shard, ResourceAccess.shard, any ShardId
/// inside a std::optional).
namespace shardrun::proto {

/// The first 16 bytes of a frame as they came; `payload_size`, `version` and `correlation` keep
/// their places in every version.
struct FrameHeader {
    std::uint32_t payload_size = 0;
    std::uint8_t version = kVersion;
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint8_t fd_count = 0;
    std::uint64_t correlation = 0;

    bool operator==(const FrameHeader&) const = default;
};

/// Why bytes are not a frame. `error.code` is EPROTO (malformed), EMSGSIZE (payload too long) or
/// EPROTONOSUPPORT (version).
struct DecodeError {
    Error error;
    std::uint32_t offset_bytes = 0;  ///< where, counted from the first byte of the frame's header
    FrameHeader header;              ///< of the refused frame, for the answer

    bool operator==(const DecodeError&) const = default;
};

template <class T>
using Decoded = std::expected<T, DecodeError>;

/// The frame's bytes, header included. Errors: EPROTO or EMSGSIZE with a sentence that names
/// message, field, value and bound, when the receiver would refuse the frame.
Result<std::vector<std::byte>> encode_frame(const Frame& frame);

/// `bytes` must be exactly one frame; for a stream see proto/frame_decoder.h.
Decoded<Frame> decode_frame(std::span<const std::byte> bytes);

/// Is it a request (neither reply nor event nor error)?
bool is_request(const Frame& frame);
bool has_flag(const Frame& frame, FrameFlag flag);

/// The type that a reply to a frame of type `asked` has; ShardAssignment for one that is unknown.
MessageType reply_type(std::uint8_t asked);

/// The error frame that answers a request with this correlation; `type` is the answer's
/// (reply_type). Always encodable: a sentence too long is cut.
Frame make_error_reply(MessageType type, std::uint64_t correlation, const Error& error);

/// The error frame that answers bytes that were refused. The connection closes after it.
Frame make_error_reply(const DecodeError& refused);

/// An error frame that answers nothing in particular (correlation 0), as before an overdue or
/// flooding client is closed.
Frame make_error_notice(const Error& error);

}  // namespace shardrun::proto
