#include "client/frame_number.h"

#include <type_traits>
#include <utility>

namespace shardrun::client {
namespace {

using Number = std::optional<std::uint64_t>;

template <class T>
Number number(const T& value) {
    if constexpr (std::is_enum_v<T>)
        return static_cast<std::uint64_t>(std::to_underlying(value));
    else
        return static_cast<std::uint64_t>(value);
}

template <class T>
Number number(const std::optional<T>& value) {
    return value ? number(*value) : Number();
}

Number id(std::uint64_t value) {
    return value == 0 ? Number() : Number(value);
}

Number number_of(const ProgramExit& exit, shardrun_number which) {
    switch (static_cast<int>(which)) {
        case SHARDRUN_EXIT_STATUS:
            return exit.status;
        case SHARDRUN_EXIT_SIGNAL:
            return exit.signal_number;
        case SHARDRUN_OUT_OF_MEMORY:
            return exit.out_of_memory ? 1 : 0;
        case SHARDRUN_USER_CPU_US:
            return exit.user_cpu_us;
        case SHARDRUN_SYSTEM_CPU_US:
            return exit.system_cpu_us;
        case SHARDRUN_PROGRAM_MEMORY_PEAK_BYTES:
            return exit.memory_peak_bytes;
        default:
            return {};
    }
}

Number number_of(const ShardLimits& limits, shardrun_number which) {
    switch (static_cast<int>(which)) {
        case SHARDRUN_CPU_MAX_MILLICORES:
            return number(limits.cpu_max_millicores);
        case SHARDRUN_CPU_WEIGHT:
            return number(limits.cpu_weight);
        case SHARDRUN_MEMORY_HIGH_BYTES:
            return limits.memory_high_bytes;
        case SHARDRUN_MEMORY_MAX_BYTES:
            return limits.memory_max_bytes;
        case SHARDRUN_MEMORY_SWAP_MAX_BYTES:
            return limits.memory_swap_max_bytes;
        case SHARDRUN_PIDS_MAX:
            return limits.pids_max;
        case SHARDRUN_IO_WEIGHT:
            return number(limits.io_weight);
        case SHARDRUN_TMPFS_SIZE_MAX_BYTES:
            return limits.tmpfs_size_max_bytes;
        case SHARDRUN_FILES_MAX:
            return limits.files_max;
        default:
            return {};
    }
}

Number number_of(const ShardAssignment& body, shardrun_number which) {
    switch (static_cast<int>(which)) {
        case SHARDRUN_KIND:
            return number(body.kind);
        case SHARDRUN_SHARD:
            return id(std::to_underlying(body.shard));
        case SHARDRUN_PROGRAM:
            return id(std::to_underlying(body.program));
        case SHARDRUN_STATE:
            return number(body.state);
        case SHARDRUN_UNENFORCED:
            return number(body.unenforced);
        case SHARDRUN_SHARD_UID:
            return number(body.shard_uid);
        case SHARDRUN_OWNER_UID:
            return number(body.owner_uid);
        case SHARDRUN_INIT_PID:
            return number(body.init_pid);
        case SHARDRUN_CREATED_US_AGO:
            return body.created_us_ago;
        case SHARDRUN_PREPARE_US:
            return body.prepare_us;
        case SHARDRUN_WARM:
            return number(body.warm);
        case SHARDRUN_NETWORK:
            return body.options ? number(body.options->network) : Number();
        case SHARDRUN_USER_NAMESPACE:
            return body.options ? number(body.options->user_namespace) : Number();
        default:
            return body.exit ? number_of(*body.exit, which) : Number();
    }
}

Number number_of(const std::optional<Pressure>& pressure, bool is_full) {
    if (!pressure) return {};
    return is_full ? pressure->full_avg10 : pressure->some_avg10;
}

Number pressure_of(const ShardStatus& body, shardrun_number which) {
    switch (static_cast<int>(which)) {
        case SHARDRUN_CPU_PRESSURE_SOME:
            return number_of(body.cpu_pressure, false);
        case SHARDRUN_CPU_PRESSURE_FULL:
            return number_of(body.cpu_pressure, true);
        case SHARDRUN_MEMORY_PRESSURE_SOME:
            return number_of(body.memory_pressure, false);
        case SHARDRUN_MEMORY_PRESSURE_FULL:
            return number_of(body.memory_pressure, true);
        case SHARDRUN_IO_PRESSURE_SOME:
            return number_of(body.io_pressure, false);
        case SHARDRUN_IO_PRESSURE_FULL:
            return number_of(body.io_pressure, true);
        default:
            return {};
    }
}

Number number_of(const ShardStatus& body, shardrun_number which) {
    switch (static_cast<int>(which)) {
        case SHARDRUN_SHARD:
            return id(std::to_underlying(body.shard));
        case SHARDRUN_REPORTED_LOAD:
            return number(body.reported_load);
        case SHARDRUN_REPORTED_QUEUE:
            return number(body.reported_queue);
        case SHARDRUN_CPU_USAGE_US:
            return body.cpu_usage_us;
        case SHARDRUN_CPU_THROTTLED_US:
            return body.cpu_throttled_us;
        case SHARDRUN_CPU_THROTTLED_PERIODS:
            return body.cpu_throttled_periods;
        case SHARDRUN_MEMORY_CURRENT_BYTES:
            return body.memory_current_bytes;
        case SHARDRUN_MEMORY_PEAK_BYTES:
            return body.memory_peak_bytes;
        case SHARDRUN_MEMORY_SWAP_BYTES:
            return body.memory_swap_bytes;
        case SHARDRUN_OOM_KILLS:
            return body.oom_kills;
        case SHARDRUN_PIDS_CURRENT:
            return body.pids_current;
        case SHARDRUN_PIDS_REFUSED:
            return body.pids_refused;
        case SHARDRUN_IO_READ_BYTES:
            return body.io_read_bytes;
        case SHARDRUN_IO_WRITE_BYTES:
            return body.io_write_bytes;
        case SHARDRUN_NETWORK_RECEIVED_BYTES:
            return body.network_received_bytes;
        case SHARDRUN_NETWORK_SENT_BYTES:
            return body.network_sent_bytes;
        case SHARDRUN_TMPFS_USED_BYTES:
            return body.tmpfs_used_bytes;
        default:
            return pressure_of(body, which);
    }
}

Number number_of(const PrefetchRequest& body, shardrun_number which) {
    switch (static_cast<int>(which)) {
        case SHARDRUN_SHARD:
            return id(std::to_underlying(body.shard));
        case SHARDRUN_BLOB_KIND:
            return number(body.kind);
        case SHARDRUN_PROBABILITY:
            return number(body.probability);
        case SHARDRUN_DEADLINE_MS:
            return number(body.deadline_ms);
        default:
            return {};
    }
}

Number number_of(const PrefetchResponse& body, shardrun_number which) {
    switch (static_cast<int>(which)) {
        case SHARDRUN_SHARD:
            return id(std::to_underlying(body.shard));
        case SHARDRUN_OUTCOME:
            return number(body.outcome);
        case SHARDRUN_SIZE_BYTES:
            return body.size_bytes;
        case SHARDRUN_ELAPSED_US:
            return body.elapsed_us;
        default:
            return {};
    }
}

Number number_of(const ErrorReply& body, shardrun_number which) {
    return which == SHARDRUN_ERROR_OFFSET_BYTES ? number(body.offset_bytes) : Number();
}

// Only clients send these.
Number number_of(const ResourceRequest&, shardrun_number) {
    return {};
}
Number number_of(const ResourceAccess&, shardrun_number) {
    return {};
}

}  // namespace

const ShardLimits* limits_in(const Message& message) {
    if (const auto* body = std::get_if<ShardAssignment>(&message))
        return body->options ? &body->options->limits : nullptr;
    if (const auto* body = std::get_if<ShardStatus>(&message))
        return body->limits ? &*body->limits : nullptr;
    return nullptr;
}

std::optional<std::uint64_t> number_in(const Message& message, shardrun_number which) {
    Number found = std::visit([=](const auto& body) { return number_of(body, which); }, message);
    const ShardLimits* limits = limits_in(message);
    return found || limits == nullptr ? found : number_of(*limits, which);
}

}  // namespace shardrun::client
