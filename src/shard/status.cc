#include "shard/status.h"

#include <fmt/format.h>
#include <sys/vfs.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

namespace shardrun::shard {
namespace {

std::optional<std::uint64_t> to_number(std::string_view digits) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) return {};
    return value;
}

/// Calls `visit` with the words of each line.
template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream stream(line);
        std::vector<std::string> words;
        for (std::string word; stream >> word;) words.push_back(word);
        visit(words);
    }
}

std::uint16_t to_hundredths(const std::string& percent) {
    const double value = std::strtod(percent.c_str(), nullptr);
    return static_cast<std::uint16_t>(std::lround(std::clamp(value, 0.0, 100.0) * 100));
}

std::optional<std::uint64_t> read_number(const sys::CgroupDir& cgroup, const char* attribute) {
    const std::string text = cgroup.read(attribute).value_or("");
    return to_number(std::string_view(text).substr(0, text.find('\n')));
}

std::optional<Pressure> read_pressure(const sys::CgroupDir& cgroup, const char* attribute) {
    return parse_pressure(cgroup.read(attribute).value_or(""));
}

void measure_cpu_and_memory(const sys::CgroupDir& cgroup, ShardStatus& status) {
    const std::string cpu = cgroup.read("cpu.stat").value_or("");
    status.cpu_usage_us = find_number(cpu, "usage_usec");
    status.cpu_throttled_us = find_number(cpu, "throttled_usec");
    status.cpu_throttled_periods = find_number(cpu, "nr_throttled");
    status.memory_current_bytes = read_number(cgroup, "memory.current");
    status.memory_peak_bytes = read_number(cgroup, "memory.peak");
    status.memory_swap_bytes = read_number(cgroup, "memory.swap.current");
    status.oom_kills = find_number(cgroup.read("memory.events").value_or(""), "oom_kill");
}

void measure_processes_and_io(const sys::CgroupDir& cgroup, ShardStatus& status) {
    status.pids_current = read_number(cgroup, "pids.current");
    status.pids_refused = find_number(cgroup.read("pids.events").value_or(""), "max");
    const auto io = cgroup.read("io.stat");
    if (io) {
        status.io_read_bytes = sum_io(*io, "rbytes");
        status.io_write_bytes = sum_io(*io, "wbytes");
    }
    status.cpu_pressure = read_pressure(cgroup, "cpu.pressure");
    status.memory_pressure = read_pressure(cgroup, "memory.pressure");
    status.io_pressure = read_pressure(cgroup, "io.pressure");
}

void measure_network(pid_t init_pid, ShardStatus& status) {
    std::ifstream file(fmt::format("/proc/{}/net/dev", init_pid));
    if (!file) return;
    std::stringstream text;
    text << file.rdbuf();
    const NetworkBytes bytes = sum_network(text.str());
    status.network_received_bytes = bytes.received;
    status.network_sent_bytes = bytes.sent;
}

}  // namespace

std::optional<std::uint64_t> find_number(std::string_view text, std::string_view key) {
    std::optional<std::uint64_t> found;
    for_each_line(text, [&](const std::vector<std::string>& words) {
        if (words.size() == 2 && words[0] == key) found = to_number(words[1]);
    });
    return found;
}

std::optional<Pressure> parse_pressure(std::string_view text) {
    std::optional<Pressure> pressure;
    for_each_line(text, [&](const std::vector<std::string>& words) {
        if (words.size() < 2 || !words[1].starts_with("avg10=")) return;
        if (!pressure) pressure.emplace();
        const std::uint16_t share = to_hundredths(words[1].substr(6));
        if (words[0] == "some") pressure->some_avg10 = share;
        if (words[0] == "full") pressure->full_avg10 = share;
    });
    return pressure;
}

std::uint64_t sum_io(std::string_view text, std::string_view column) {
    std::uint64_t sum = 0;
    const std::string prefix = std::string(column) + "=";
    for_each_line(text, [&](const std::vector<std::string>& words) {
        for (const std::string& word : words)
            if (word.starts_with(prefix))
                sum += to_number(std::string_view(word).substr(prefix.size())).value_or(0);
    });
    return sum;
}

NetworkBytes sum_network(std::string_view text) {
    constexpr std::size_t kSentColumn = 9;  // name:, eight received, then bytes sent
    NetworkBytes sum;
    for_each_line(text, [&](const std::vector<std::string>& words) {
        if (words.size() <= kSentColumn || !words[0].ends_with(':') || words[0] == "lo:") return;
        sum.received += to_number(words[1]).value_or(0);
        sum.sent += to_number(words[kSentColumn]).value_or(0);
    });
    return sum;
}

ShardStatus measure(const sys::CgroupDir& cgroup, pid_t init_pid, int tmpfs) {
    ShardStatus status;
    measure_cpu_and_memory(cgroup, status);
    measure_processes_and_io(cgroup, status);
    if (init_pid > 0) measure_network(init_pid, status);
    struct statfs usage {};
    if (tmpfs >= 0 && ::fstatfs(tmpfs, &usage) == 0)
        status.tmpfs_used_bytes =
            (usage.f_blocks - usage.f_bfree) * static_cast<std::uint64_t>(usage.f_bsize);
    return status;
}

std::uint64_t count_oom_kills(const sys::CgroupDir& cgroup) {
    return find_number(cgroup.read("memory.events").value_or(""), "oom_kill").value_or(0);
}

}  // namespace shardrun::shard
