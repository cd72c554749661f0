#include "seccomp/call_table.h"

#include <algorithm>
#include <span>

#include "seccomp/syscall_names.h"

namespace shardrun::seccomp {
namespace {

constexpr std::uint32_t kX32First = 0x40000000;
constexpr std::uint32_t kNoCall = 0xffffffff;  // A tracer's -1: "skip the call".

/// One rule's say about one number.
struct NumberedCase {
    std::uint32_t number = 0;
    Case one;
};

// Conditions on a multiplexed call's own arguments cannot be checked: they lie in memory. So a rule
// that would perform such a call is not applied to it, and one that refuses it always is.
std::optional<Case> case_of(const Rule& rule, const CallBinding& binding) {
    if (!binding.subcall) return Case{rule.args, rule.action};
    if (!rule.args.empty() && performs_call(rule.action)) return std::nullopt;
    return Case{{ArgCheck{0, CompareOp::eq, *binding.subcall}}, rule.action};
}

// By number, and for each number in the order of the rules.
std::vector<NumberedCase> collect_cases(const Profile& profile, Arch arch) {
    std::vector<NumberedCase> cases;
    for (const Rule& rule : profile.rules)
        for (const std::string& name : rule.names)
            for (const CallBinding& binding : bindings_of(name, arch))
                if (auto found = case_of(rule, binding))
                    cases.push_back({binding.number, *std::move(found)});
    std::ranges::stable_sort(cases, {}, &NumberedCase::number);
    return cases;
}

std::uint32_t newest_known_number(const Profile& profile, Arch arch,
                                  std::span<const NumberedCase> cases) {
    std::uint32_t newest = cases.empty() ? 0 : cases.back().number;
    for (const std::string& name : profile.other_known_names)
        for (const CallBinding& binding : bindings_of(name, arch))
            newest = std::max(newest, binding.number);
    return newest;
}

// The strictest action comes first, as the kernel orders filters; among equals the first rule.
Decision decide(std::span<NumberedCase> cases, Action otherwise) {
    std::ranges::stable_sort(
        cases, {}, [](const NumberedCase& each) { return strictness_rank(each.one.action); });
    Decision decision{{}, otherwise};
    for (NumberedCase& each : cases) {
        if (each.one.args.empty()) {
            decision.otherwise = each.one.action;
            break;
        }
        decision.cases.push_back(std::move(each.one));
    }
    while (!decision.cases.empty() && decision.cases.back().action == decision.otherwise)
        decision.cases.pop_back();
    return decision;
}

void append(std::vector<CallRange>& ranges, std::uint32_t first, Decision decision) {
    if (!ranges.empty() && ranges.back().decision == decision) return;
    ranges.push_back(CallRange{first, std::move(decision)});
}

// The numbers `from` … `to` of one arch, both included.
void append_arch(std::vector<CallRange>& ranges, const Profile& profile, Arch arch,
                 std::uint32_t from, std::uint32_t to) {
    std::vector<NumberedCase> cases = collect_cases(profile, arch);
    const std::uint32_t newest = newest_known_number(profile, arch, cases);
    const bool knows_any = !cases.empty() || !profile.other_known_names.empty();
    const Action unmatched = profile.unmatched_call_action.value_or(profile.default_action);
    const Decision by_default{{}, profile.default_action};
    std::uint32_t next = from;
    for (std::span<NumberedCase> left = cases; !left.empty();) {
        const std::uint32_t number = left.front().number;
        const auto after = std::ranges::upper_bound(left, number, {}, &NumberedCase::number);
        const auto count = static_cast<std::size_t>(after - left.begin());
        if (number > next) append(ranges, next, by_default);
        append(ranges, number, decide(left.first(count), unmatched));
        left = left.subspan(count);
        next = number + 1;
    }
    if (!profile.newer_call_action || !knows_any) return append(ranges, next, by_default);
    if (newest >= next) append(ranges, next, by_default);
    if (newest < to) append(ranges, newest + 1, Decision{{}, *profile.newer_call_action});
}

bool lists(const Profile& profile, Arch arch) {
    return std::find(profile.arches.begin(), profile.arches.end(), arch) != profile.arches.end();
}

CallTable x86_64_table(const Profile& profile) {
    CallTable table{static_cast<std::uint32_t>(Arch::x86_64), {}};
    append_arch(table.ranges, profile, Arch::x86_64, 0, kX32First - 1);
    if (lists(profile, Arch::x32))
        append_arch(table.ranges, profile, Arch::x32, kX32First, kNoCall - 1);
    else
        append(table.ranges, kX32First, Decision{{}, Action::kill_process});
    append(table.ranges, kNoCall, Decision{{}, profile.default_action});
    return table;
}

}  // namespace

std::vector<CallTable> plan_calls(const Profile& profile) {
    std::vector<CallTable> tables;
    for (const Arch arch : profile.arches) {
        if (arch == Arch::x32) continue;  // Part of x86_64's table.
        if (arch == Arch::x86_64) {
            tables.push_back(x86_64_table(profile));
            continue;
        }
        CallTable table{static_cast<std::uint32_t>(arch), {}};
        append_arch(table.ranges, profile, arch, 0, kNoCall);
        tables.push_back(std::move(table));
    }
    return tables;
}

}  // namespace shardrun::seccomp
