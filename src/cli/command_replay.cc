#include "base/fail.h"
#include "cli/command.h"
#include "cli/file_source.h"
#include "cli/output.h"
#include "cli/replay_plan.h"
#include "cli/replay_view.h"
#include "replay/zstd_source.h"

/// What `shardrun replay` does, in the program shardrun-replay.
namespace shardrun::cli {
namespace {

Result<std::vector<replay::ReplayResult>> replay_file(const std::string& path,
                                                      const replay::ReplayPlan& plan) {
    SR_TRY(sys::UniqueFd fd, open_input(path));
    FileSource file(std::move(fd));
    replay::ZstdSource source(file);
    replay::TraceReader trace(source, path);
    return replay_trace(trace, plan);
}

int replay_and_tell(const std::string& path, const replay::ReplayPlan& plan,
                    const ReplayOptions& options) {
    const auto results = replay_file(path, plan);
    if (!results) {
        complain(results.error().message);
        return kFailure;
    }
    return finish_with(options.json ? render_replay_json(*results, is_list_wanted(options))
                                    : render_replay(*results, is_for_people()));
}

}  // namespace

int replay_here(const Arguments& arguments) {
    ReplayOptions options;
    std::vector<std::string> traces;
    OptionParser parser(
        {"replay", "[OPTION]... TRACE",
         "Lets a bounded cache meet a recorded trace, and counts what it misses: the code of the\n"
         "prefetch cache itself. TRACE is a CSV file, as it is or compressed by zstd; '-' is "
         "standard\ninput. Its first line is 'time,client,object,size'.",
         "  shardrun replay trace.csv.zst --cache-percent 1\n"
         "  shardrun replay trace.csv --evict all --cache-bytes 64M\n"
         "  zcat trace.csv.gz | shardrun replay - --evict lru --evict lfu --cache-objects 1000 "
         "--json\n"});
    parser.operands("TRACE", traces, 1, 1);
    parser.texts("--evict", "POLICY", options.evict,
                 "fifo, lru, lfu, gdsf (the default), arc, sieve, s3-fifo, w-tinylfu, or all");
    parser.text("--cache-objects", "N", options.cache_objects,
                "the cache holds N objects; each counts as 1, among the bytes as well");
    parser.text("--cache-bytes", "SIZE", options.cache_bytes, "the cache holds SIZE bytes");
    parser.text("--cache-percent", "X", options.cache_percent,
                "the cache holds X percent of the bytes of all distinct objects, rounded down");
    parser.text("--predict", "MODEL", options.predict,
                "what to prefetch by: none, the default and the only one");
    parser.text("--limit", "N", options.limit, "take the first N requests only");
    parser.flag("--json", options.json, "for programs; a list when several policies are asked for");
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    const auto plan = plan_replay(options);
    if (!plan) {
        complain(plan.error().message + ": see 'shardrun replay --help'");
        return kUsage;
    }
    return replay_and_tell(traces.front(), *plan, options);
}

}  // namespace shardrun::cli
