#include "cli/replay_view.h"

#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "cli/message_json.h"
#include "cli/table.h"
#include "cli/words.h"

namespace shardrun::cli {
namespace {

using Json = nlohmann::ordered_json;
using policy::CacheBound;

std::string bound_text(const CacheBound& bound) {
    return bound.unit == CacheBound::Unit::bytes ? size_text(bound.amount)
                                                 : fmt::format("{} objects", bound.amount);
}

Json to_json(const replay::ReplayResult& result) {
    const replay::ReplayMetrics& metrics = result.metrics;
    return Json{{"evict", name_of(result.policy)},
                {"unit", result.bound.unit == CacheBound::Unit::bytes ? "bytes" : "objects"},
                {"cache_size", result.bound.amount},
                {"requests", metrics.requests},
                {"misses", metrics.misses},
                {"request_bytes", metrics.request_bytes},
                {"miss_bytes", metrics.miss_bytes},
                {"evictions", metrics.evictions},
                {"object_miss_ratio", metrics.object_miss_ratio()},
                {"byte_miss_ratio", metrics.byte_miss_ratio()}};
}

}  // namespace

std::string render_replay(const std::vector<replay::ReplayResult>& results, bool for_people) {
    Table table(
        {"EVICT", "CACHE", "REQUESTS", "HITS", "MISSES", "EVICTIONS", "OBJECT MISS", "BYTE MISS"});
    for (const replay::ReplayResult& result : results) {
        const replay::ReplayMetrics& metrics = result.metrics;
        table.add({std::string(name_of(result.policy)), bound_text(result.bound),
                   std::to_string(metrics.requests), std::to_string(metrics.hits()),
                   std::to_string(metrics.misses), std::to_string(metrics.evictions),
                   fmt::format("{:.2f} %", 100 * metrics.object_miss_ratio()),
                   fmt::format("{:.2f} %", 100 * metrics.byte_miss_ratio())});
    }
    return table.render(for_people);
}

std::string render_replay_json(const std::vector<replay::ReplayResult>& results, bool is_list) {
    if (!is_list) return dump(to_json(results.front()), true);
    Json list = Json::array();
    for (const replay::ReplayResult& result : results) list.push_back(to_json(result));
    return dump(list, true);
}

}  // namespace shardrun::cli
