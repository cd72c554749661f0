#include "model.h"

#include <algorithm>

#include "seccomp/syscall_names.h"

namespace shardrun::seccomp::test {
namespace {

bool holds(const ArgCheck& check, const seccomp_data& call) {
    const std::uint64_t arg = call.args[check.index];
    switch (check.op) {
        case CompareOp::ne:
            return arg != check.value;
        case CompareOp::lt:
            return arg < check.value;
        case CompareOp::le:
            return arg <= check.value;
        case CompareOp::eq:
            return arg == check.value;
        case CompareOp::ge:
            return arg >= check.value;
        case CompareOp::gt:
            return arg > check.value;
        case CompareOp::masked_eq:
            return ((arg ^ check.value) & check.mask) == 0;
    }
    return false;
}

bool matches(const Rule& rule, const CallBinding& binding, const seccomp_data& call) {
    if (binding.number != static_cast<std::uint32_t>(call.nr)) return false;
    if (!binding.subcall)
        return std::ranges::all_of(rule.args,
                                   [&](const ArgCheck& check) { return holds(check, call); });
    const bool is_visible = rule.args.empty() || !performs_call(rule.action);
    return is_visible && call.args[0] == *binding.subcall;
}

}  // namespace

Action decide_by_definition(const Profile& profile, const seccomp_data& call) {
    const Rule* best = nullptr;
    bool is_named = false;
    for (const Rule& rule : profile.rules)
        for (const std::string& name : rule.names)
            for (const CallBinding& binding : bindings_of(name, Arch{call.arch})) {
                is_named |= binding.number == static_cast<std::uint32_t>(call.nr);
                if (!matches(rule, binding, call)) continue;
                if (best == nullptr || strictness_rank(rule.action) < strictness_rank(best->action))
                    best = &rule;
            }
    if (best != nullptr) return best->action;
    return is_named ? profile.unmatched_call_action.value_or(profile.default_action)
                    : profile.default_action;
}

}  // namespace shardrun::seccomp::test
