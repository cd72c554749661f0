#include "policy/eviction/eviction_policy.h"

namespace shardrun::policy {

std::string_view name_of(EvictionPolicy policy) {
    switch (policy) {
        case EvictionPolicy::fifo:
            return "fifo";
        case EvictionPolicy::lru:
            return "lru";
        case EvictionPolicy::lfu:
            return "lfu";
        case EvictionPolicy::gdsf:
            return "gdsf";
        case EvictionPolicy::arc:
            return "arc";
        case EvictionPolicy::sieve:
            return "sieve";
        case EvictionPolicy::s3_fifo:
            return "s3-fifo";
        case EvictionPolicy::w_tinylfu:
            return "w-tinylfu";
    }
    return "";
}

std::optional<EvictionPolicy> parse_eviction_policy(std::string_view name) {
    for (const EvictionPolicy policy : kEvictionPolicies)
        if (name == name_of(policy)) return policy;
    return std::nullopt;
}

}  // namespace shardrun::policy
