#include "random_profile.h"

#include <algorithm>
#include <map>
#include <set>

#include "seccomp/syscall_names.h"

namespace shardrun::seccomp::test {
namespace {

constexpr Action kActions[] = {
    Action::allow,   Action::log,      Action::kill_thread, Action::kill_process, Action::trap,
    errno_action(1), errno_action(38), errno_action(4094),  trace_action(7),      Action::allow};

class Maker {
 public:
    Maker(const RandomProfileShape& shape, std::mt19937_64& random)
        : shape_(shape), random_(random) {}

    Profile make() {
        Profile profile;
        profile.arches = shape_.arches;
        profile.default_action = pick_action();
        if (!shape_.one_action_for_a_call && below(2) == 0)
            profile.unmatched_call_action = pick_action();
        if (!shape_.one_action_for_a_call && below(2) == 0)
            profile.newer_call_action = errno_action(38);
        const std::size_t rules = 1 + below(25);
        while (profile.rules.size() < rules) profile.rules.push_back(make_rule(profile));
        return profile;
    }

 private:
    std::size_t below(std::size_t bound) { return random_() % bound; }
    Action pick_action() { return kActions[below(std::size(kActions))]; }

    std::string pick_name() {
        // Up to 450: what libseccomp knows by name on every arch.
        for (;;) {
            auto name = name_of(static_cast<std::uint32_t>(below(451)), Arch::x86_64);
            if (!name || *name == "uretprobe" || *name == "uprobe") continue;
            return *name;
        }
    }

    std::uint64_t pick_value() {
        std::uint64_t value = random_() >> below(64);
        if (below(3) == 0) value = below(8);
        if (below(8) == 0) value = ~std::uint64_t{0};
        return shape_.compares_32_bits_only ? value & 0xffffffff : value;
    }

    // libseccomp takes one condition for each argument of a rule.
    std::vector<ArgCheck> make_args() {
        std::set<unsigned> used;
        std::vector<ArgCheck> args;
        for (std::size_t count = below(4); count > 0; --count) {
            const auto index = static_cast<unsigned>(below(6));
            if (!used.insert(index).second) continue;
            ArgCheck check{index, static_cast<CompareOp>(below(7)), pick_value()};
            if (check.op == CompareOp::masked_eq) check.mask = pick_value();
            args.push_back(check);
        }
        return args;
    }

    Rule make_rule(const Profile& profile) {
        Rule rule;
        rule.action = pick_action();
        rule.args = make_args();
        const std::size_t names = 1 + below(rule.args.empty() ? 40 : 4);
        for (std::size_t i = 0; i < names; ++i) add_name(rule, profile);
        return rule;
    }

    void add_name(Rule& rule, const Profile& profile) {
        const std::string name =
            recent_.empty() || below(3) > 0 ? pick_name() : recent_[below(recent_.size())];
        if (std::ranges::find(rule.names, name) != rule.names.end()) return;
        if (shape_.one_action_for_a_call) {
            if (rule.action == profile.default_action) return;
            if (actions_.emplace(name, rule.action).first->second != rule.action) return;
        }
        rule.names.push_back(name);
        recent_.push_back(name);
    }

    const RandomProfileShape& shape_;
    std::mt19937_64& random_;
    std::vector<std::string> recent_;  // Named again and again, so that rules overlap.
    std::map<std::string, Action> actions_;
};

}  // namespace

Profile random_profile(const RandomProfileShape& shape, std::mt19937_64& random) {
    return Maker(shape, random).make();
}

}  // namespace shardrun::seccomp::test
