#include "cli/replay_plan.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/fail.h"
#include "cli/did_you_mean.h"
#include "cli/quantity.h"

namespace shardrun::cli {
namespace {

using policy::CacheBound;
using policy::EvictionPolicy;
using Bound = std::variant<CacheBound, replay::Percent>;

constexpr std::string_view kAll = "all";

Result<EvictionPolicy> parse_policy(const std::string& name) {
    if (const auto policy = policy::parse_eviction_policy(name)) return *policy;
    std::vector<std::string_view> names;
    names.reserve(policy::kEvictionPolicies.size() + 1);
    for (const EvictionPolicy policy : policy::kEvictionPolicies) names.push_back(name_of(policy));
    names.push_back(kAll);
    return refuse(EINVAL, "--evict: '{}' is no policy{}: there are {}", name,
                  did_you_mean(name, names), fmt::join(names, ", "));
}

/// In the order of the command line, each once.
Result<std::vector<EvictionPolicy>> parse_policies(const std::vector<std::string>& names) {
    if (names.empty()) return std::vector{policy::kDefaultEvictionPolicy};
    std::vector<EvictionPolicy> policies;
    const auto add = [&policies](EvictionPolicy policy) {
        if (std::ranges::find(policies, policy) == policies.end()) policies.push_back(policy);
    };
    for (const std::string& name : names) {
        if (name == kAll) {
            for (const EvictionPolicy policy : policy::kEvictionPolicies) add(policy);
            continue;
        }
        SR_TRY(const EvictionPolicy policy, parse_policy(name));
        add(policy);
    }
    return policies;
}

Result<Bound> parse_bound(const ReplayOptions& options) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const int given = int{options.cache_objects.has_value()} +
                      int{options.cache_bytes.has_value()} + int{options.cache_percent.has_value()};
    if (given != 1)
        return refuse(EINVAL,
                      "the cache's size is {}: give one of --cache-objects, --cache-bytes and "
                      "--cache-percent",
                      given == 0 ? "missing" : "given twice");
    if (options.cache_objects) {
        SR_TRY(const std::uint64_t objects,
               while_doing(parse_count(*options.cache_objects, 1, kMost), "--cache-objects"));
        return CacheBound{CacheBound::Unit::objects, objects};
    }
    if (options.cache_bytes) {
        SR_TRY(const std::uint64_t bytes,
               while_doing(parse_size(*options.cache_bytes), "--cache-bytes"));
        if (bytes == 0) return refuse(ERANGE, "--cache-bytes: 0 is less than 1");
        return CacheBound{CacheBound::Unit::bytes, bytes};
    }
    return while_doing(replay::parse_percent(options.cache_percent.value_or("")),
                       "--cache-percent");
}

}  // namespace

Result<replay::ReplayPlan> plan_replay(const ReplayOptions& options) {
    replay::ReplayPlan plan;
    SR_TRY(plan.policies, parse_policies(options.evict));
    SR_TRY(plan.bound, parse_bound(options));
    if (const std::string model = options.predict.value_or("none"); model != "none")
        return refuse(EINVAL, "--predict: '{}' is no predictor: the only one is none", model);
    if (options.limit) {
        SR_TRY(plan.requests_max,
               while_doing(parse_count(*options.limit, 1, plan.requests_max), "--limit"));
    }
    return plan;
}

bool is_list_wanted(const ReplayOptions& options) {
    return options.evict.size() > 1 ||
           std::ranges::find(options.evict, kAll) != options.evict.end();
}

}  // namespace shardrun::cli
