#include "cli/file_log.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "cli/prefetch_list.h"

using namespace shardrun;
using namespace shardrun::cli;
using std::chrono::microseconds;

namespace {

PrefetchResponse opened(const std::string& name, BlobOutcome outcome, std::uint64_t waited_us = 0) {
    PrefetchResponse response;
    response.shard = ShardId{7};
    response.name = name;
    response.outcome = outcome;
    response.size_bytes = 100;
    if (waited_us > 0) response.elapsed_us = waited_us;
    return response;
}

}  // namespace

TEST_CASE("a log counts what was there, what was waited for and what was refused") {
    FileLog log;
    log.add(microseconds(1), opened("/a", BlobOutcome::demand_loaded, 30));
    log.add(microseconds(5), opened("/b", BlobOutcome::hit));
    log.add(microseconds(9), opened("/c", BlobOutcome::failed, 4));
    log.add(microseconds(99), opened("/d", BlobOutcome::prefetched));
    const FileLog::Summary summary = log.summary();
    CHECK(summary.opened == 2);
    CHECK(summary.ready == 1);
    CHECK(summary.waited == 1);
    CHECK(summary.failed == 1);
    CHECK(summary.bytes == 200);
    CHECK(summary.waiting_time == microseconds(34));
    CHECK(summary.last_open == microseconds(9));
}

TEST_CASE("what other shards opened is left out") {
    FileLog log;
    log.add(microseconds(1), opened("/a", BlobOutcome::hit));
    PrefetchResponse other = opened("/b", BlobOutcome::hit);
    other.shard = ShardId{8};
    log.add(microseconds(2), other);
    log.keep_only(ShardId{7});
    CHECK(log.paths() == std::vector<std::string>{"/a"});
}

TEST_CASE("a log's paths make the next run's list") {
    FileLog log;
    for (const char* name : {"/z", "/a", "/z"})
        log.add(microseconds(1), opened(name, BlobOutcome::hit));
    log.add(microseconds(2), opened("/no", BlobOutcome::failed));
    log.add(microseconds(3), opened("/two\nlines", BlobOutcome::hit));
    const std::string text = render_prefetch_list(log.paths());
    CHECK(text == "/z\n/a\n");
    CHECK(parse_prefetch_list(text) == std::vector<std::string>{"/z", "/a"});
}

TEST_CASE("a list is paths, one per line, and what is for people") {
    const auto paths = parse_prefetch_list("# start\n/a b\n\n/c");
    REQUIRE(paths);
    CHECK(*paths == std::vector<std::string>{"/a b", "/c"});
    CHECK(parse_prefetch_list("")->empty());
}

TEST_CASE("a list's mistakes are told with their line") {
    const auto refusal = [](const std::string& text) {
        const auto paths = parse_prefetch_list(text);
        return paths ? "taken" : paths.error().message;
    };
    CHECK(refusal("/a\nb\n") == "line 2: 'b' is no absolute path");
    CHECK(refusal("/" + std::string(4094, 'x')) == "taken");
    CHECK(refusal("/" + std::string(4095, 'x')).starts_with("line 1: a path of 4096 bytes"));
    CHECK(refusal(std::string("/a\0b", 4)) == "line 1: holds a NUL byte");
    std::string many;
    for (std::size_t i = 0; i < kPrefetchListMax; ++i) many += "/a\n";
    CHECK(refusal(many) == "taken");
    CHECK(refusal(many + "/b").ends_with("more than 16384 files"));
}
