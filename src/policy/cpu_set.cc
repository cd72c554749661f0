#include "policy/cpu_set.h"

#include <cerrno>
#include <charconv>
#include <optional>

#include "base/fail.h"

namespace shardrun::policy {

namespace {

std::optional<std::size_t> parse_cpu(std::string_view text) {
    std::size_t cpu = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpu);
    if (error != std::errc{} || end != text.data() + text.size() || cpu >= kCpusMax)
        return std::nullopt;
    return cpu;
}

struct Range {
    std::size_t first = 0;
    std::size_t last = 0;
};

std::optional<Range> parse_range(std::string_view text) {
    const std::size_t dash = text.find('-');
    const std::optional<std::size_t> first = parse_cpu(text.substr(0, dash));
    if (!first) return std::nullopt;
    if (dash == std::string_view::npos) return Range{*first, *first};
    const std::optional<std::size_t> last = parse_cpu(text.substr(dash + 1));
    if (!last || *last < *first) return std::nullopt;
    return Range{*first, *last};
}

}  // namespace

Result<CpuSet> CpuSet::parse(std::string_view text) {
    CpuSet set;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const std::string_view part = text.substr(begin, end - begin);
        const std::optional<Range> range = parse_range(part);
        if (!range)
            return refuse(EINVAL, "cpuset_cpus: '{}' is no CPU or range of CPUs; write \"0-3,7\"",
                          part.substr(0, 32));
        for (std::size_t cpu = range->first; cpu <= range->last; ++cpu) set.cpus_.set(cpu);
        begin = end + 1;
    }
    return set;
}

bool is_cpu_subset(std::string_view part, std::string_view whole) {
    const Result<CpuSet> inner = CpuSet::parse(part);
    const Result<CpuSet> outer = CpuSet::parse(whole);
    return inner && outer && inner->is_within(*outer);
}

}  // namespace shardrun::policy
