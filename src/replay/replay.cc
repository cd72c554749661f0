#include "replay/replay.h"

namespace shardrun::replay {
namespace {

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double ReplayMetrics::object_miss_ratio() const {
    return ratio(misses, requests);
}

double ReplayMetrics::byte_miss_ratio() const {
    return ratio(miss_bytes, request_bytes);
}

Replay::Replay(policy::EvictionPolicy policy, policy::CacheBound bound)
    : policy_(policy), bound_(bound), cache_(policy, bound) {}

void Replay::on_request(policy::ObjectId object, std::uint64_t size_bytes) {
    const bool is_counted = bound_.unit == policy::CacheBound::Unit::objects;
    const std::uint64_t charge = is_counted ? 1 : size_bytes;
    ++metrics_.requests;
    metrics_.request_bytes += charge;
    if (cache_.access(object, size_bytes) == policy::Access::hit) return;
    ++metrics_.misses;
    metrics_.miss_bytes += charge;
    metrics_.evictions += cache_.evicted().size();
}

}  // namespace shardrun::replay
