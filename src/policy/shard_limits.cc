#include "policy/shard_limits.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fail.h"
#include "policy/cpu_set.h"

namespace shardrun::policy {

namespace {

template <class T>
void replace(std::optional<T>& base, const std::optional<T>& wish) {
    if (wish) base = wish;
}

template <class T>
void lower(std::optional<T>& value, const std::optional<T>& bound) {
    if (bound && (!value || *value > *bound)) value = bound;
}

IoLimit* find_device(std::vector<IoLimit>& limits, const IoLimit& like) {
    const auto found = std::find_if(limits.begin(), limits.end(), [&](const IoLimit& limit) {
        return limit.major == like.major && limit.minor == like.minor;
    });
    return found == limits.end() ? nullptr : &*found;
}

void merge_io(IoLimit& base, const IoLimit& wish) {
    replace(base.read_bytes_per_second, wish.read_bytes_per_second);
    replace(base.write_bytes_per_second, wish.write_bytes_per_second);
    replace(base.read_ops_per_second, wish.read_ops_per_second);
    replace(base.write_ops_per_second, wish.write_ops_per_second);
}

void lower_io(IoLimit& value, const IoLimit& bound) {
    lower(value.read_bytes_per_second, bound.read_bytes_per_second);
    lower(value.write_bytes_per_second, bound.write_bytes_per_second);
    lower(value.read_ops_per_second, bound.read_ops_per_second);
    lower(value.write_ops_per_second, bound.write_ops_per_second);
}

template <class T>
Result<void> check_range(const char* field, const std::optional<T>& value, T least, T most) {
    if (!value || (*value >= least && *value <= most)) return {};
    return refuse(EINVAL, "{}: {} asked, from {} to {} is possible", field, *value, least, most);
}

/// `key`: the limit's name in the configuration, where sizes are in MiB.
template <class T>
Result<void> check_bound(const Grant& grant, const char* field, const char* key,
                         const std::optional<T>& wish, const std::optional<T>& bound) {
    if (!wish || !bound || *wish <= *bound) return {};
    return refuse(EDQUOT, "{}: {} asked, {} allowed for uid {} by {}.{}", field, *wish, *bound,
                  grant.uid, grant.key("limits_max"), key);
}

Result<void> check_io_bound(const Grant& grant, const IoLimit& wish) {
    std::vector<IoLimit> bounds = grant.rule.limits_max.io_max;
    const IoLimit* bound = find_device(bounds, wish);
    if (bound == nullptr) return {};
    SR_DO(check_bound(grant, "io_max.read_bytes_per_second", "io_max", wish.read_bytes_per_second,
                      bound->read_bytes_per_second));
    SR_DO(check_bound(grant, "io_max.write_bytes_per_second", "io_max", wish.write_bytes_per_second,
                      bound->write_bytes_per_second));
    SR_DO(check_bound(grant, "io_max.read_ops_per_second", "io_max", wish.read_ops_per_second,
                      bound->read_ops_per_second));
    return check_bound(grant, "io_max.write_ops_per_second", "io_max", wish.write_ops_per_second,
                       bound->write_ops_per_second);
}

Result<void> check_cpuset_bound(const Grant& grant, const std::string& wish) {
    const std::optional<std::string>& bound = grant.rule.limits_max.cpuset_cpus;
    if (!bound) return {};
    SR_TRY(const CpuSet wished, CpuSet::parse(wish));
    SR_TRY(const CpuSet allowed, CpuSet::parse(*bound));
    if (wished.is_within(allowed)) return {};
    return refuse(EDQUOT, "cpuset_cpus: '{}' asked, '{}' allowed for uid {} by {}.cpuset_cpus",
                  wish, *bound, grant.uid, grant.key("limits_max"));
}

/// A limit's name, whether it is set, and what enforces it.
struct Enforced {
    const char* field;
    bool is_set;
    Controller controller;
};

std::array<Enforced, 9> enforced(const ShardLimits& limits) {
    return {{{"cpu_max", limits.cpu_max_millicores.has_value(), Controller::cpu},
             {"cpu_weight", limits.cpu_weight.has_value(), Controller::cpu},
             {"cpuset_cpus", limits.cpuset_cpus.has_value(), Controller::cpuset},
             {"memory_high", limits.memory_high_bytes.has_value(), Controller::memory},
             {"memory_max", limits.memory_max_bytes.has_value(), Controller::memory},
             {"memory_swap_max", limits.memory_swap_max_bytes.has_value(), Controller::memory},
             {"pids_max", limits.pids_max.has_value(), Controller::pids},
             {"io_max", !limits.io_max.empty(), Controller::io},
             {"io_weight", limits.io_weight.has_value(), Controller::io}}};
}

const char* name_of(Controller controller) {
    switch (controller) {
        case Controller::cpu:
            return "cpu";
        case Controller::cpuset:
            return "cpuset";
        case Controller::memory:
            return "memory";
        case Controller::pids:
            return "pids";
        case Controller::io:
            return "io";
    }
    return "?";
}

}  // namespace

ShardLimits merge_limits(const ShardLimits& base, const ShardLimits& wish) {
    ShardLimits merged = base;
    replace(merged.cpu_max_millicores, wish.cpu_max_millicores);
    replace(merged.cpu_weight, wish.cpu_weight);
    replace(merged.cpuset_cpus, wish.cpuset_cpus);
    replace(merged.memory_high_bytes, wish.memory_high_bytes);
    replace(merged.memory_max_bytes, wish.memory_max_bytes);
    replace(merged.memory_swap_max_bytes, wish.memory_swap_max_bytes);
    replace(merged.pids_max, wish.pids_max);
    replace(merged.io_weight, wish.io_weight);
    replace(merged.tmpfs_size_max_bytes, wish.tmpfs_size_max_bytes);
    replace(merged.files_max, wish.files_max);
    for (const IoLimit& device : wish.io_max) {
        if (IoLimit* known = find_device(merged.io_max, device))
            merge_io(*known, device);
        else
            merged.io_max.push_back(device);
    }
    return merged;
}

ShardLimits clamp_limits(const ShardLimits& limits, const ShardLimits& bound) {
    ShardLimits clamped = limits;
    lower(clamped.cpu_max_millicores, bound.cpu_max_millicores);
    lower(clamped.cpu_weight, bound.cpu_weight);
    lower(clamped.memory_high_bytes, bound.memory_high_bytes);
    lower(clamped.memory_max_bytes, bound.memory_max_bytes);
    lower(clamped.memory_swap_max_bytes, bound.memory_swap_max_bytes);
    lower(clamped.pids_max, bound.pids_max);
    lower(clamped.io_weight, bound.io_weight);
    lower(clamped.tmpfs_size_max_bytes, bound.tmpfs_size_max_bytes);
    lower(clamped.files_max, bound.files_max);
    // A set has no "more": what is not a part of the bound becomes the bound.
    if (bound.cpuset_cpus &&
        (!clamped.cpuset_cpus || !is_cpu_subset(*clamped.cpuset_cpus, *bound.cpuset_cpus)))
        clamped.cpuset_cpus = bound.cpuset_cpus;
    for (const IoLimit& device : bound.io_max) {
        if (IoLimit* known = find_device(clamped.io_max, device))
            lower_io(*known, device);
        else
            clamped.io_max.push_back(device);
    }
    return clamped;
}

Result<void> check_limit_values(const ShardLimits& wish) {
    // A quota is written per 100 ms and the kernel takes none below 1 ms (cgroup-v2, cpu.max).
    SR_DO(check_range("cpu_max_millicores", wish.cpu_max_millicores, 10U, 1'000'000U));
    SR_DO(check_range("cpu_weight", wish.cpu_weight, 1U, 10000U));
    SR_DO(check_range("io_weight", wish.io_weight, 1U, 10000U));
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
    // Below this an init cannot even be born in the cgroup.
    SR_DO(check_range("memory_max_bytes", wish.memory_max_bytes, std::uint64_t{1} << 20U, kMost));
    SR_DO(check_range("memory_high_bytes", wish.memory_high_bytes, std::uint64_t{1} << 20U, kMost));
    SR_DO(
        check_range("memory_swap_max_bytes", wish.memory_swap_max_bytes, std::uint64_t{0}, kMost));
    SR_DO(
        check_range("tmpfs_size_max_bytes", wish.tmpfs_size_max_bytes, std::uint64_t{4096}, kMost));
    // An init and the program; and what the configuration takes.
    SR_DO(check_range("pids_max", wish.pids_max, std::uint64_t{2}, std::uint64_t{1} << 22U));
    SR_DO(check_range("files_max", wish.files_max, std::uint64_t{16}, std::uint64_t{1} << 30U));
    if (wish.cpuset_cpus) SR_DO(CpuSet::parse(*wish.cpuset_cpus));
    return {};
}

Result<void> check_limits_allowed(const Grant& grant, const ShardLimits& wish) {
    const ShardLimits& bound = grant.rule.limits_max;
    SR_DO(check_bound(grant, "cpu_max_millicores", "cpu_max_millicores", wish.cpu_max_millicores,
                      bound.cpu_max_millicores));
    SR_DO(check_bound(grant, "cpu_weight", "cpu_weight", wish.cpu_weight, bound.cpu_weight));
    SR_DO(check_bound(grant, "memory_high_bytes", "memory_high_mib", wish.memory_high_bytes,
                      bound.memory_high_bytes));
    SR_DO(check_bound(grant, "memory_max_bytes", "memory_max_mib", wish.memory_max_bytes,
                      bound.memory_max_bytes));
    SR_DO(check_bound(grant, "memory_swap_max_bytes", "memory_swap_max_mib",
                      wish.memory_swap_max_bytes, bound.memory_swap_max_bytes));
    SR_DO(check_bound(grant, "pids_max", "pids_max", wish.pids_max, bound.pids_max));
    SR_DO(check_bound(grant, "io_weight", "io_weight", wish.io_weight, bound.io_weight));
    SR_DO(check_bound(grant, "tmpfs_size_max_bytes", "tmpfs_size_max_mib",
                      wish.tmpfs_size_max_bytes, bound.tmpfs_size_max_bytes));
    SR_DO(check_bound(grant, "files_max", "files_max", wish.files_max, bound.files_max));
    for (const IoLimit& device : wish.io_max) SR_DO(check_io_bound(grant, device));
    if (wish.cpuset_cpus) SR_DO(check_cpuset_bound(grant, *wish.cpuset_cpus));
    return {};
}

std::uint32_t controllers_needed(const ShardLimits& limits) {
    std::uint32_t bits = 0;
    for (const Enforced& limit : enforced(limits))
        if (limit.is_set) bits |= static_cast<std::uint32_t>(limit.controller);
    return bits;
}

Result<void> check_controllers(const ShardLimits& limits, std::uint32_t missing) {
    if (missing == 0) return {};
    for (const Enforced& limit : enforced(limits))
        if (limit.is_set && (missing & static_cast<std::uint32_t>(limit.controller)) != 0)
            return refuse(EOPNOTSUPP,
                          "{}: needs the {} controller of cgroup v2, which this host lacks; enable "
                          "it, or set cgroup.controllers = \"best-effort\"",
                          limit.field, name_of(limit.controller));
    return {};
}

}  // namespace shardrun::policy
