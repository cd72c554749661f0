#include "cli/file_log.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace shardrun::cli {

void FileLog::add(std::chrono::microseconds at, PrefetchResponse what) {
    entries_.push_back({at, std::move(what)});
}

void FileLog::keep_only(ShardId shard) {
    std::erase_if(entries_, [shard](const Entry& entry) { return entry.what.shard != shard; });
}

FileLog::Summary FileLog::summary() const {
    Summary summary;
    for (const Entry& entry : entries_) {
        const auto elapsed = std::chrono::microseconds(entry.what.elapsed_us.value_or(0));
        if (entry.what.outcome == BlobOutcome::prefetched) continue;
        summary.last_open = std::max(summary.last_open, entry.at);
        summary.waiting_time += elapsed;
        if (entry.what.outcome == BlobOutcome::failed) {
            ++summary.failed;
            continue;
        }
        ++summary.opened;
        ++(entry.what.outcome == BlobOutcome::hit ? summary.ready : summary.waited);
        summary.bytes += entry.what.size_bytes.value_or(0);
    }
    return summary;
}

std::optional<std::string> FileLog::first_failure() const {
    const auto failed = std::ranges::find_if(
        entries_, [](const Entry& entry) { return entry.what.outcome == BlobOutcome::failed; });
    if (failed == entries_.end()) return std::nullopt;
    return failed->what.reason.value_or(failed->what.name);
}

std::vector<std::string> FileLog::paths() const {
    std::vector<std::string> paths;
    std::unordered_set<std::string> known;
    for (const Entry& entry : entries_)
        if (entry.what.outcome != BlobOutcome::failed && known.insert(entry.what.name).second)
            paths.push_back(entry.what.name);
    return paths;
}

}  // namespace shardrun::cli
