#include "seccomp/call_table.h"

#include <algorithm>
#include <map>

#include "seccomp/syscall_names.h"

namespace shardrun::seccomp {
namespace {

constexpr std::uint32_t kX32First = 0x40000000;
constexpr std::uint32_t kNoCall = 0xffffffff;  // A tracer's -1: "skip the call".

/// Rules by number, in the order in which they decide.
using CallRules = std::map<std::uint32_t, std::vector<Case>>;

// Conditions on a multiplexed call's own arguments cannot be checked: they lie in memory. So a rule
// that would perform such a call is not applied to it, and one that refuses it always is.
std::optional<Case> case_of(const Rule& rule, const CallBinding& binding) {
    if (!binding.subcall) return Case{rule.args, rule.action};
    if (!rule.args.empty() && performs_call(rule.action)) return std::nullopt;
    return Case{{ArgCheck{0, CompareOp::eq, *binding.subcall}}, rule.action};
}

CallRules collect_rules(const Profile& profile, Arch arch) {
    CallRules calls;
    for (const Rule& rule : profile.rules)
        for (const std::string& name : rule.names)
            for (const CallBinding& binding : bindings_of(name, arch))
                if (auto found = case_of(rule, binding))
                    calls[binding.number].push_back(*std::move(found));
    return calls;
}

std::uint32_t newest_known_number(const Profile& profile, Arch arch, const CallRules& calls) {
    std::uint32_t newest = calls.empty() ? 0 : calls.rbegin()->first;
    for (const std::string& name : profile.other_known_names)
        for (const CallBinding& binding : bindings_of(name, arch))
            newest = std::max(newest, binding.number);
    return newest;
}

// The strictest action comes first, as the kernel orders filters; among equals the first rule.
Decision decide(std::vector<Case> cases, Action otherwise) {
    std::stable_sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) {
        return strictness_rank(a.action) < strictness_rank(b.action);
    });
    const auto always =
        std::find_if(cases.begin(), cases.end(), [](const Case& one) { return one.args.empty(); });
    if (always != cases.end()) {
        otherwise = always->action;
        cases.erase(always, cases.end());
    }
    while (!cases.empty() && cases.back().action == otherwise) cases.pop_back();
    return Decision{std::move(cases), otherwise};
}

void append(std::vector<CallRange>& ranges, std::uint32_t first, Decision decision) {
    if (!ranges.empty() && ranges.back().decision == decision) return;
    ranges.push_back(CallRange{first, std::move(decision)});
}

// The numbers `from` … `to` of one arch, both included.
void append_arch(std::vector<CallRange>& ranges, const Profile& profile, Arch arch,
                 std::uint32_t from, std::uint32_t to) {
    CallRules calls = collect_rules(profile, arch);
    const std::uint32_t newest = newest_known_number(profile, arch, calls);
    const Action unmatched = profile.unmatched_call_action.value_or(profile.default_action);
    std::uint32_t next = from;
    for (auto& [number, cases] : calls) {
        if (number > next) append(ranges, next, Decision{{}, profile.default_action});
        append(ranges, number, decide(std::move(cases), unmatched));
        next = number + 1;
    }
    const bool knows_any = !calls.empty() || !profile.other_known_names.empty();
    if (!profile.newer_call_action || !knows_any)
        return append(ranges, next, Decision{{}, profile.default_action});
    if (newest >= next) append(ranges, next, Decision{{}, profile.default_action});
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
