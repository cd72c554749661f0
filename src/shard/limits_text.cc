#include "shard/limits_text.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace shardrun::shard {
namespace {

constexpr std::uint32_t kCpuPeriodUs = 100'000;

std::string io_value(const std::optional<std::uint64_t>& value) {
    return value ? std::to_string(*value) : "max";
}

std::string io_line(const IoLimit& limit) {
    return fmt::format("{}:{} rbps={} wbps={} riops={} wiops={}", limit.major, limit.minor,
                       io_value(limit.read_bytes_per_second),
                       io_value(limit.write_bytes_per_second), io_value(limit.read_ops_per_second),
                       io_value(limit.write_ops_per_second));
}

class Writes {
 public:
    template <class T, class Format>
    void add(const char* attribute, Controller controller, const std::optional<T>& old,
             const std::optional<T>& wanted, Format format) {
        if (wanted && wanted != old) list_.push_back({attribute, format(*wanted), controller});
    }
    void add_io(const IoLimit& limit) {
        list_.push_back({"io.max", io_line(limit), Controller::io});
    }
    std::vector<AttributeWrite> take() && { return std::move(list_); }

 private:
    std::vector<AttributeWrite> list_;
};

}  // namespace

std::vector<AttributeWrite> plan_limit_writes(const ShardLimits& old, const ShardLimits& wanted) {
    const auto number = [](std::uint64_t value) { return std::to_string(value); };
    const auto quota = [](std::uint32_t millicores) {
        return fmt::format("{} {}", std::uint64_t{millicores} * kCpuPeriodUs / 1000, kCpuPeriodUs);
    };
    const auto weight = [](std::uint32_t value) { return fmt::format("default {}", value); };
    const auto text = [](const std::string& value) { return value; };
    Writes writes;
    writes.add("cpu.max", Controller::cpu, old.cpu_max_millicores, wanted.cpu_max_millicores,
               quota);
    writes.add("cpu.weight", Controller::cpu, old.cpu_weight, wanted.cpu_weight, number);
    writes.add("cpuset.cpus", Controller::cpuset, old.cpuset_cpus, wanted.cpuset_cpus, text);
    writes.add("memory.high", Controller::memory, old.memory_high_bytes, wanted.memory_high_bytes,
               number);
    writes.add("memory.max", Controller::memory, old.memory_max_bytes, wanted.memory_max_bytes,
               number);
    writes.add("memory.swap.max", Controller::memory, old.memory_swap_max_bytes,
               wanted.memory_swap_max_bytes, number);
    writes.add("pids.max", Controller::pids, old.pids_max, wanted.pids_max, number);
    writes.add("io.weight", Controller::io, old.io_weight, wanted.io_weight, weight);
    if (wanted.io_max != old.io_max)
        for (const IoLimit& limit : wanted.io_max) writes.add_io(limit);
    return std::move(writes).take();
}

std::uint32_t controllers_of(const ShardLimits& limits) {
    std::uint32_t bits = 0;
    for (const AttributeWrite& write : plan_limit_writes({}, limits))
        bits |= std::to_underlying(write.controller);
    return bits;
}

std::string controller_names(std::uint32_t controllers) {
    constexpr std::array<std::pair<Controller, const char*>, 5> kNames{
        {{Controller::cpu, "cpu"},
         {Controller::cpuset, "cpuset"},
         {Controller::memory, "memory"},
         {Controller::pids, "pids"},
         {Controller::io, "io"}}};
    std::string names;
    for (const auto& [controller, name] : kNames)
        if ((controllers & std::to_underlying(controller)) != 0)
            names += (names.empty() ? "" : ", ") + std::string(name);
    return names;
}

}  // namespace shardrun::shard
