#include "replay/replay_trace.h"

#include <cerrno>
#include <deque>

#include "base/fail.h"

namespace shardrun::replay {
namespace {

using policy::CacheBound;

/// One cache for each policy of the plan.
class Contest {
 public:
    Contest(const ReplayPlan& plan, CacheBound bound) {
        for (const policy::EvictionPolicy policy : plan.policies)
            replays_.emplace_back(policy, bound);
    }

    void on_request(policy::ObjectId object, std::uint64_t size_bytes) {
        for (Replay& replay : replays_) replay.on_request(object, size_bytes);
    }

    std::vector<ReplayResult> results() const {
        std::vector<ReplayResult> results;
        results.reserve(replays_.size());
        for (const Replay& replay : replays_)
            results.push_back({replay.policy(), replay.bound(), replay.metrics()});
        return results;
    }

 private:
    std::deque<Replay> replays_;  // They cannot be moved.
};

Result<std::vector<ReplayResult>> replay_as_it_comes(TraceReader& trace, const ReplayPlan& plan,
                                                     CacheBound bound) {
    Contest contest(plan, bound);
    for (std::uint64_t i = 0; i < plan.requests_max; ++i) {
        SR_TRY(const auto request, trace.next());
        if (!request) break;
        contest.on_request(request->object, request->size_bytes);
    }
    return contest.results();
}

Result<std::vector<std::uint32_t>> hold_requests(TraceReader& trace, const ReplayPlan& plan) {
    std::vector<std::uint32_t> objects;
    for (std::uint64_t i = 0; i < plan.requests_max; ++i) {
        SR_TRY(const auto request, trace.next());
        if (!request) break;
        if (objects.size() == kHeldRequestsMax)
            return refuse(EOVERFLOW,
                          "the trace has more than {} requests, too many to hold until its "
                          "footprint is known: give the cache's size in bytes or objects",
                          kHeldRequestsMax);
        objects.push_back(static_cast<std::uint32_t>(request->object));
    }
    return objects;
}

Result<std::vector<ReplayResult>> replay_after_all(TraceReader& trace, const ReplayPlan& plan,
                                                   Percent percent) {
    SR_TRY(const std::vector<std::uint32_t> held, hold_requests(trace, plan));
    const ObjectNames& objects = trace.objects();
    Contest contest(plan, {CacheBound::Unit::bytes, part_of(objects.footprint_bytes(), percent)});
    for (const std::uint32_t number : held) {
        const policy::ObjectId object{number};
        contest.on_request(object, objects.size_bytes(object));
    }
    return contest.results();
}

}  // namespace

Result<std::vector<ReplayResult>> replay_trace(TraceReader& trace, const ReplayPlan& plan) {
    if (const auto* const percent = std::get_if<Percent>(&plan.bound))
        return replay_after_all(trace, plan, *percent);
    return replay_as_it_comes(trace, plan, std::get<CacheBound>(plan.bound));
}

}  // namespace shardrun::replay
