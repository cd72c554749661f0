// What the C interface reads out of a frame.
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "client/c_convert.h"
#include "client/c_handles.h"
#include "client/frame_number.h"

namespace {

using shardrun::ErrorReply;
using shardrun::FdRole;
using shardrun::Message;
using shardrun::PrefetchRequest;
using shardrun::PrefetchResponse;
using shardrun::ShardAssignment;
using shardrun::ShardLimits;
using shardrun::ShardOptions;
using shardrun::ShardStatus;

template <class Body>
const Body* body_of(const shardrun_frame* frame) {
    return std::get_if<Body>(&frame->received.frame.message);
}

const char* text_of(const std::optional<std::string>& text) {
    return text ? text->c_str() : nullptr;
}

const ShardOptions* options_of(const shardrun_frame* frame) {
    const auto* assignment = body_of<ShardAssignment>(frame);
    return assignment != nullptr && assignment->options ? &*assignment->options : nullptr;
}

const char* text_of_options(const ShardOptions* options, shardrun_text which) {
    if (options == nullptr) return nullptr;
    if (which == SHARDRUN_HOSTNAME) return text_of(options->hostname);
    if (which == SHARDRUN_SECCOMP_PROFILE) return text_of(options->seccomp_profile);
    return text_of(options->image);
}

const char* reason_of(const shardrun_frame* frame) {
    if (const auto* body = body_of<ShardAssignment>(frame)) return text_of(body->reason);
    if (const auto* body = body_of<PrefetchRequest>(frame)) return text_of(body->reason);
    if (const auto* body = body_of<PrefetchResponse>(frame)) return text_of(body->reason);
    return nullptr;
}

const char* blob_name_of(const shardrun_frame* frame) {
    if (const auto* body = body_of<PrefetchRequest>(frame)) return body->name.c_str();
    if (const auto* body = body_of<PrefetchResponse>(frame)) return body->name.c_str();
    return nullptr;
}

const char* text_of_assignment(const ShardAssignment* body, shardrun_text which) {
    if (body == nullptr) return nullptr;
    return text_of(which == SHARDRUN_PROFILE ? body->profile : body->cgroup);
}

const char* at(const std::vector<std::string>& list, size_t index) {
    return index < list.size() ? list[index].c_str() : nullptr;
}

const ShardLimits* limits_of(const shardrun_frame* frame) {
    return shardrun::client::limits_in(frame->received.frame.message);
}

}  // namespace

int shardrun_frame_type(const shardrun_frame* frame) {
    return std::to_underlying(frame->received.frame.type);
}

int shardrun_frame_flags(const shardrun_frame* frame) {
    return frame->received.frame.flags;
}

uint64_t shardrun_frame_correlation(const shardrun_frame* frame) {
    return frame->received.frame.correlation;
}

int shardrun_frame_error(const shardrun_frame* frame) {
    const auto* body = body_of<ErrorReply>(frame);
    return body == nullptr ? 0 : -static_cast<int>(body->code);
}

int shardrun_frame_number(const shardrun_frame* frame, enum shardrun_number which,
                          uint64_t* value) {
    const auto number = shardrun::client::number_in(frame->received.frame.message, which);
    if (!number) return -ENODATA;
    *value = *number;
    return 0;
}

uint64_t shardrun_frame_value(const shardrun_frame* frame, enum shardrun_number which) {
    return shardrun::client::number_in(frame->received.frame.message, which).value_or(0);
}

const char* shardrun_frame_text(const shardrun_frame* frame, enum shardrun_text which) {
    switch (which) {
        case SHARDRUN_SENTENCE: {
            const auto* body = body_of<ErrorReply>(frame);
            return body == nullptr ? nullptr : body->sentence.c_str();
        }
        case SHARDRUN_REASON:
            return reason_of(frame);
        case SHARDRUN_PROFILE:
        case SHARDRUN_CGROUP:
            return text_of_assignment(body_of<ShardAssignment>(frame), which);
        case SHARDRUN_HOSTNAME:
        case SHARDRUN_SECCOMP_PROFILE:
        case SHARDRUN_IMAGE:
            return text_of_options(options_of(frame), which);
        case SHARDRUN_CPUSET_CPUS: {
            const ShardLimits* limits = limits_of(frame);
            return limits == nullptr ? nullptr : text_of(limits->cpuset_cpus);
        }
        case SHARDRUN_NAME:
            return blob_name_of(frame);
    }
    return nullptr;  // A text that only a later version knows.
}

const char* shardrun_frame_program(const shardrun_frame* frame, size_t index) {
    const auto* body = body_of<ShardAssignment>(frame);
    return body == nullptr ? nullptr : at(body->programs, index);
}

const char* shardrun_frame_capability(const shardrun_frame* frame, size_t index) {
    const ShardOptions* options = options_of(frame);
    return options == nullptr ? nullptr : at(options->capabilities, index);
}

int shardrun_frame_io_limit(const shardrun_frame* frame, size_t index, shardrun_io_limit* limit) {
    const ShardLimits* limits = limits_of(frame);
    if (limits == nullptr || index >= limits->io_max.size()) return -ENODATA;
    const shardrun::IoLimit& found = limits->io_max[index];
    *limit = {.major = found.major,
              .minor = found.minor,
              .read_bytes_per_second = found.read_bytes_per_second.value_or(SHARDRUN_UNSET),
              .write_bytes_per_second = found.write_bytes_per_second.value_or(SHARDRUN_UNSET),
              .read_ops_per_second = found.read_ops_per_second.value_or(SHARDRUN_UNSET),
              .write_ops_per_second = found.write_ops_per_second.value_or(SHARDRUN_UNSET)};
    return 0;
}

int shardrun_frame_exit(const shardrun_frame* frame, shardrun_exit* how) {
    const auto* body = body_of<ShardAssignment>(frame);
    if (body == nullptr || !body->exit) return -ENODATA;
    *how = shardrun::client::from_exit(*body->exit);
    return 0;
}

const unsigned char* shardrun_frame_digest(const shardrun_frame* frame) {
    const std::optional<shardrun::Digest>* digest = nullptr;
    if (const auto* body = body_of<PrefetchRequest>(frame)) digest = &body->digest;
    if (const auto* body = body_of<PrefetchResponse>(frame)) digest = &body->digest;
    if (digest == nullptr || !*digest) return nullptr;
    return reinterpret_cast<const unsigned char*>((*digest)->data());
}

const void* shardrun_frame_data(const shardrun_frame* frame, size_t* size) {
    const auto* body = body_of<PrefetchResponse>(frame);
    if (body == nullptr || !body->data) return nullptr;
    *size = body->data->size();
    return body->data->data();
}

int shardrun_frame_take_fd(shardrun_frame* frame, enum shardrun_fd_role role) {
    shardrun::ReceivedFrame& received = frame->received;
    if (role != SHARDRUN_FD_BLOB) {
        shardrun::UniqueFd fd = received.take_fd(static_cast<FdRole>(role));
        return fd ? fd.release() : -ENODATA;
    }
    const bool is_blob = body_of<PrefetchResponse>(frame) != nullptr;
    if (!is_blob || received.fds.empty() || !received.fds.front()) return -ENODATA;
    return received.fds.front().release();
}
