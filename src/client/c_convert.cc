#include "client/c_convert.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/fail.h"

namespace shardrun::client {
namespace {

// A number for an optional field of any width: unset, fitting, or refused.
template <class T>
Result<void> set(std::optional<T>& field, std::uint64_t value, const char* name) {
    if (value == SHARDRUN_UNSET) return {};
    if (value > std::numeric_limits<T>::max())
        return refuse(EINVAL, "{}: {} is more than {}", name, value, std::numeric_limits<T>::max());
    field = static_cast<T>(value);
    return {};
}

void set(std::optional<std::string>& field, const char* text) {
    if (text != nullptr) field = text;
}

std::vector<std::string> to_list(const char* const* texts) {
    std::vector<std::string> list;
    while (texts != nullptr && *texts != nullptr) list.emplace_back(*texts++);
    return list;
}

Result<IoLimit> to_io_limit(const shardrun_io_limit& limit) {
    IoLimit result{limit.major, limit.minor, {}, {}, {}, {}};
    SR_DO(set(result.read_bytes_per_second, limit.read_bytes_per_second, "io_max"));
    SR_DO(set(result.write_bytes_per_second, limit.write_bytes_per_second, "io_max"));
    SR_DO(set(result.read_ops_per_second, limit.read_ops_per_second, "io_max"));
    SR_DO(set(result.write_ops_per_second, limit.write_ops_per_second, "io_max"));
    return result;
}

// A caller built against an older header gives a shorter struct: what it lacks is not said.
template <class Struct>
Struct complete(const Struct& given, void (*init)(Struct*, std::size_t)) {
    Struct whole;
    init(&whole, sizeof whole);
    std::memcpy(&whole, &given, std::min(given.struct_size, sizeof whole));
    whole.struct_size = sizeof whole;
    return whole;
}

}  // namespace

Result<ShardLimits> to_limits(const shardrun_limits& limits) {
    const shardrun_limits given = complete(limits, shardrun_limits_init_sized);
    ShardLimits result;
    SR_DO(set(result.cpu_max_millicores, given.cpu_max_millicores, "cpu_max_millicores"));
    SR_DO(set(result.cpu_weight, given.cpu_weight, "cpu_weight"));
    set(result.cpuset_cpus, given.cpuset_cpus);
    SR_DO(set(result.memory_high_bytes, given.memory_high_bytes, "memory_high_bytes"));
    SR_DO(set(result.memory_max_bytes, given.memory_max_bytes, "memory_max_bytes"));
    SR_DO(set(result.memory_swap_max_bytes, given.memory_swap_max_bytes, "memory_swap_max_bytes"));
    SR_DO(set(result.pids_max, given.pids_max, "pids_max"));
    SR_DO(set(result.io_weight, given.io_weight, "io_weight"));
    SR_DO(set(result.tmpfs_size_max_bytes, given.tmpfs_size_max_bytes, "tmpfs_size_max_bytes"));
    SR_DO(set(result.files_max, given.files_max, "files_max"));
    for (const shardrun_io_limit& each : std::span(given.io_max, given.io_max_count)) {
        SR_TRY(IoLimit limit, to_io_limit(each));
        result.io_max.push_back(limit);
    }
    return result;
}

Result<ShardOptions> to_options(const shardrun_options* options) {
    ShardOptions result;
    if (options == nullptr) return result;
    const shardrun_options given = complete(*options, shardrun_options_init_sized);
    if (given.limits != nullptr) {
        SR_TRY(result.limits, to_limits(*given.limits));
    }
    if (given.network < SHARDRUN_NOT_SAID || given.network > SHARDRUN_NETWORK_HOST)
        return refuse(EINVAL, "network: {} is no enum shardrun_network", given.network);
    if (given.network != SHARDRUN_NOT_SAID)
        result.network = static_cast<NetworkMode>(given.network);
    if (given.user_namespace != SHARDRUN_NOT_SAID)
        result.user_namespace = given.user_namespace != 0;
    set(result.seccomp_profile, given.seccomp_profile);
    set(result.hostname, given.hostname);
    set(result.image, given.image);
    result.capabilities = to_list(given.capabilities);
    return result;
}

Result<ProgramOptions> to_program(const shardrun_program& program) {
    const shardrun_program given = complete(program, shardrun_program_init_sized);
    ProgramOptions result;
    result.argv = to_list(given.argv);
    if (result.argv.empty()) return refuse(EINVAL, "argv: a program needs at least a name");
    result.env = to_list(given.env);
    set(result.cwd, given.cwd);
    if (given.has_terminal != 0) result.terminal = WindowSize{given.rows, given.columns};
    result.wants_pidfd = given.wants_pidfd != 0;
    return result;
}

Result<std::span<const int>> to_stdio(const shardrun_program& program) {
    const std::span<const int> fds(program.stdio);
    const auto given = std::count_if(fds.begin(), fds.end(), [](int fd) { return fd >= 0; });
    if (given == 3) return fds;
    if (given == 0) return std::span<const int>{};
    return refuse(EINVAL, "stdio: {} of 3 descriptors are set; set all, or none", given);
}

Result<ShardStatus> to_report(std::uint64_t shard, std::uint64_t load, std::uint64_t queue) {
    ShardStatus report;
    report.shard = ShardId{shard};
    SR_DO(set(report.reported_load, load, "reported_load"));
    SR_DO(set(report.reported_queue, queue, "reported_queue"));
    return report;
}

Result<PrefetchRequest> to_hint(std::uint64_t shard, shardrun_blob_kind kind, const char* name,
                                std::uint64_t probability, std::uint64_t deadline_ms) {
    PrefetchRequest hint;
    hint.shard = ShardId{shard};
    hint.kind = static_cast<BlobKind>(kind);
    hint.name = name;
    SR_DO(set(hint.probability, probability, "probability"));
    SR_DO(set(hint.deadline_ms, deadline_ms, "deadline_ms"));
    return hint;
}

shardrun_exit from_exit(const ProgramExit& exit) {
    return {.status = exit.status,
            .signal_number = exit.signal_number,
            .out_of_memory = exit.out_of_memory ? 1 : 0,
            .user_cpu_us = exit.user_cpu_us,
            .system_cpu_us = exit.system_cpu_us,
            .memory_peak_bytes = exit.memory_peak_bytes};
}

}  // namespace shardrun::client

namespace {

// Fills in only as much as the caller's struct has.
template <class Struct>
void assign(Struct* target, std::size_t struct_size, Struct value) {
    value.struct_size = struct_size;
    std::memcpy(target, &value, std::min(struct_size, sizeof value));
}

}  // namespace

void shardrun_limits_init_sized(shardrun_limits* limits, size_t struct_size) {
    assign<shardrun_limits>(limits, struct_size,
                            {.struct_size = struct_size,
                             .cpu_max_millicores = SHARDRUN_UNSET,
                             .cpu_weight = SHARDRUN_UNSET,
                             .cpuset_cpus = nullptr,
                             .memory_high_bytes = SHARDRUN_UNSET,
                             .memory_max_bytes = SHARDRUN_UNSET,
                             .memory_swap_max_bytes = SHARDRUN_UNSET,
                             .pids_max = SHARDRUN_UNSET,
                             .io_max = nullptr,
                             .io_max_count = 0,
                             .io_weight = SHARDRUN_UNSET,
                             .tmpfs_size_max_bytes = SHARDRUN_UNSET,
                             .files_max = SHARDRUN_UNSET});
}

void shardrun_options_init_sized(shardrun_options* options, size_t struct_size) {
    assign<shardrun_options>(options, struct_size,
                             {.struct_size = struct_size,
                              .limits = nullptr,
                              .network = SHARDRUN_NOT_SAID,
                              .seccomp_profile = nullptr,
                              .hostname = nullptr,
                              .user_namespace = SHARDRUN_NOT_SAID,
                              .capabilities = nullptr,
                              .image = nullptr});
}

void shardrun_program_init_sized(shardrun_program* program, size_t struct_size) {
    assign<shardrun_program>(program, struct_size,
                             {.struct_size = struct_size,
                              .argv = nullptr,
                              .env = nullptr,
                              .cwd = nullptr,
                              .stdio = {-1, -1, -1},
                              .has_terminal = 0,
                              .rows = 0,
                              .columns = 0,
                              .wants_pidfd = 0});
}
