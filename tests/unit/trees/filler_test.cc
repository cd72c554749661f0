// The streamer as trees have it, with files of ours. Nothing here needs root.
#include "trees/filler.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstdlib>
#include <optional>

#include "support/run_until.h"
#include "sys/file_io.h"
#include "sys/real_clock.h"

using namespace shardrun;
using namespace shardrun::trees;

namespace {

std::vector<std::byte> content() {
    return std::vector<std::byte>(100'000, std::byte{7});
}

struct Bench {
    sys::RealClock clock;
    std::unique_ptr<sys::EventLoop> loop = *sys::EventLoop::create(clock);
    int lost = 0;
    std::unique_ptr<Filler> filler;

    Bench() {
        streamer::StreamerConfig config;
        config.program = std::getenv("SHARDRUN_STREAMER");  // NOLINT(concurrency-mt-unsafe)
        auto started = Filler::start(config, *loop, [this] { ++lost; });
        REQUIRE(started);
        filler = *std::move(started);
    }

    Result<streamer::JobId> fill(Filler::OnEnd on_end) {
        UniqueFd source(::memfd_create("source", MFD_CLOEXEC));
        UniqueFd destination(::memfd_create("destination", MFD_CLOEXEC));
        REQUIRE(sys::write_all(source.get(), content()));
        const Filler::Order order{blob::digest_of(content()), content().size(),
                                  streamer::Urgency::demand};
        return filler->fill(order, std::move(source), std::move(destination), std::move(on_end));
    }

    template <class Condition>
    void run_until(const Condition& condition) {
        test::run_until(*loop, condition);
    }

    void signal(int number) { REQUIRE(::kill(filler->pid().value_or(0), number) == 0); }
};

}  // namespace

TEST_CASE("whoever ordered a job is told of its end, once") {
    Bench bench;
    int ends = 0;
    REQUIRE(bench.fill([&](const streamer::Report& report) {
        CHECK(report.outcome == streamer::Outcome::complete);
        ++ends;
    }));
    bench.run_until([&] { return ends > 0; });
    CHECK(ends == 1);
}

TEST_CASE("nobody is told of a job that was forgotten, whatever came of it") {
    Bench bench;
    bench.signal(SIGSTOP);
    bool is_told = false;
    const auto forgotten = bench.fill([&](const streamer::Report&) { is_told = true; });
    REQUIRE(forgotten);
    bench.filler->forget(*forgotten);
    bench.signal(SIGCONT);
    bool is_over = false;
    REQUIRE(bench.fill([&](const streamer::Report&) { is_over = true; }));
    bench.run_until([&] { return is_over; });
    CHECK(!is_told);
}

TEST_CASE("a streamer that ends is replaced, and what it was at is nobody's any more") {
    Bench bench;
    bench.signal(SIGSTOP);
    bool is_told = false;
    REQUIRE(bench.fill([&](const streamer::Report&) { is_told = true; }));
    bench.signal(SIGKILL);
    bench.run_until([&] { return bench.lost == 1; });
    CHECK(bench.fill({}).error().code == EPIPE);
    bench.run_until([&] { return bench.filler->pid().has_value(); });
    bool is_over = false;
    REQUIRE(bench.fill([&](const streamer::Report&) { is_over = true; }));
    bench.run_until([&] { return is_over; });
    CHECK(!is_told);
    CHECK(bench.lost == 1);
}
