#include "fetcher/fetch_plan.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace shardrun::fetcher {
namespace {

using Kind = AttemptEnd::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime kStart{seconds(1000)};
const RetryPolicy kPolicy{.attempts_max = 3,
                          .backoff_first = milliseconds(100),
                          .backoff_max = milliseconds(300),
                          .retry_after_max = milliseconds(5'000),
                          .deadline = milliseconds(60'000)};

/// A plan, and the time that passes in its pauses.
class World {
 public:
    explicit World(std::vector<std::string> origins, const RetryPolicy& policy = kPolicy)
        : plan_(std::move(origins), policy, kStart), step_(plan_.begin()) {}

    bool asks(std::size_t origin, unsigned layout) const {
        const auto* const ask = std::get_if<Ask>(&step_);
        return ask != nullptr && *ask == Ask{origin, layout};
    }
    void end(const AttemptEnd& end) { step_ = plan_.on_end(end, now_, rng_); }

    /// How long it pauses; it asks again afterwards.
    MonoClock::duration pause() {
        REQUIRE(std::holds_alternative<Wait>(step_));
        const auto length = std::get<Wait>(step_).until - now_;
        now_ += length;
        step_ = plan_.on_wake();
        return length;
    }
    const Conclusion& conclusion() const {
        REQUIRE(std::holds_alternative<Conclusion>(step_));
        return std::get<Conclusion>(step_);
    }
    FetchPlan& plan() { return plan_; }

 private:
    MonoTime now_ = kStart;
    Rng rng_{1};
    FetchPlan plan_;
    Step step_;
};

AttemptEnd not_found(std::uint64_t there = 0) {
    return {.kind = Kind::not_found,
            .code = ENOENT,
            .http_status = 404,
            .cause = "lacks it",
            .began_at = there,
            .bytes_there = there};
}
AttemptEnd temporary(std::uint64_t began_at, std::uint64_t there, unsigned status = 0) {
    return {.kind = Kind::temporary,
            .code = ECONNRESET,
            .http_status = status,
            .cause = "went away",
            .began_at = began_at,
            .bytes_there = there};
}
AttemptEnd wrong(std::uint64_t began_at) {
    return {.kind = Kind::wrong_digest, .code = EBADMSG, .cause = "lies", .began_at = began_at};
}
AttemptEnd whole(std::uint64_t began_at, std::uint64_t there) {
    return {.http_status = 200, .began_at = began_at, .bytes_there = there};
}

TEST_CASE("without origins nothing is found") {
    World world({});
    CHECK(world.conclusion().outcome == Outcome::not_found);
    CHECK(world.conclusion().origin == kOriginNone);
}

TEST_CASE("what the first origin has is complete, with nothing to tell") {
    World world({"A", "B"});
    CHECK(world.asks(0, 0));
    world.end(whole(0, 10));
    CHECK(world.conclusion().outcome == Outcome::complete);
    CHECK(world.conclusion().origin == 0);
    CHECK(world.conclusion().attempts == 1);
    CHECK(world.conclusion().reason.empty());
}

TEST_CASE("what is not found is asked for in the other layout, and then of the next origin") {
    World world({"A", "B"});
    world.end(not_found());
    CHECK(world.asks(0, 1));
    world.end(not_found());
    CHECK(world.asks(1, 0));
    world.end(not_found());
    CHECK(world.asks(1, 1));
    world.end(not_found());
    CHECK(world.conclusion().outcome == Outcome::not_found);
    CHECK(world.conclusion().http_status == 404);
    CHECK(world.conclusion().attempts == 4);
    CHECK(world.conclusion().reason == "origin 'A': lacks it; origin 'B': lacks it");
}

TEST_CASE("pauses double up to their bound, at least half of each, and the attempts are counted") {
    RetryPolicy policy = kPolicy;
    policy.attempts_max = 5;
    World world({"A"}, policy);
    for (const int full_ms : {100, 200, 300, 300}) {
        world.end(temporary(0, 0, 503));
        const auto length = world.pause();
        CHECK(length >= milliseconds(full_ms) / 2);
        CHECK(length <= milliseconds(full_ms));
        CHECK(world.asks(0, 0));
    }
    world.end(temporary(0, 0, 503));
    CHECK(world.conclusion().outcome == Outcome::failed);
    CHECK(world.conclusion().http_status == 503);
    CHECK(world.conclusion().attempts == 5);
}

TEST_CASE("pauses differ by chance") {
    World first({"A"});
    World second({"A"});
    Rng other(99);
    first.end(temporary(0, 0));
    const Step step = second.plan().on_end(temporary(0, 0), kStart, other);
    CHECK(std::get<Wait>(step).until - kStart != first.pause());
}

TEST_CASE("a server says how long to wait, up to a bound") {
    World world({"A"});
    AttemptEnd busy = temporary(0, 0, 429);
    busy.retry_after = seconds(2);
    world.end(busy);
    CHECK(world.pause() == seconds(2));
    busy.retry_after = seconds(3600);
    world.end(busy);
    CHECK(world.pause() == milliseconds(5'000));
}

TEST_CASE("an attempt that brings new bytes does not count against the origin") {
    World world({"A"});
    std::uint64_t there = 0;
    for (int i = 0; i < 20; ++i) {
        world.end(temporary(there, there + 10));
        CHECK(world.pause() <= milliseconds(100));
        there += 10;
    }
    for (int i = 0; i < 2; ++i) {
        world.end(temporary(there, there));
        if (i < 1) world.pause();
    }
    CHECK(world.conclusion().outcome == Outcome::failed);
}

TEST_CASE("a server that begins anew each time gets no further and is given up") {
    World world({"A"});
    world.end(temporary(0, 500));
    world.pause();
    world.end(temporary(0, 500));
    world.pause();
    world.end(temporary(0, 499));
    CHECK(world.conclusion().outcome == Outcome::failed);
}

TEST_CASE("the next origin goes on from the bytes that are there") {
    World world({"A", "B"}, {.attempts_max = 1});
    world.end(temporary(0, 50));
    CHECK(world.asks(1, 0));
    world.end(whole(50, 100));
    CHECK(world.conclusion().outcome == Outcome::complete);
    CHECK(world.conclusion().origin == 1);
    CHECK(world.conclusion().reason == "origin 'A': went away");
}

TEST_CASE("wrong bytes of two origins are asked for again of the last, once") {
    World world({"A", "B", "C"}, {.attempts_max = 1});
    world.end(temporary(0, 50));
    world.end(wrong(50));
    CHECK(world.asks(1, 0));
    world.end(wrong(0));
    CHECK(world.asks(2, 0));
    world.end(whole(0, 100));
    CHECK(world.conclusion().outcome == Outcome::complete);
}

TEST_CASE("an origin whose bytes are its own and wrong is not asked again") {
    World world({"A", "B"});
    world.end(temporary(0, 50));
    world.pause();
    world.end(wrong(50));
    CHECK(world.asks(1, 0));
    world.end(not_found());
    world.end(not_found());
    CHECK(world.conclusion().outcome == Outcome::wrong_digest);
    CHECK(world.conclusion().origin == 0);
    CHECK(world.conclusion().code == EBADMSG);
}

TEST_CASE("after a restart with the whole file the bytes are of one origin") {
    World world({"A", "B", "C"}, {.attempts_max = 1});
    world.end(temporary(0, 50));
    world.end(wrong(0));
    CHECK(world.asks(2, 0));
}

TEST_CASE("a refusal is not tried again, and outweighs what is not found") {
    World world({"A", "B"});
    world.end({.kind = Kind::refused, .code = EACCES, .http_status = 403, .cause = "will not"});
    CHECK(world.asks(1, 0));
    world.end(not_found());
    world.end(not_found());
    CHECK(world.conclusion().outcome == Outcome::failed);
    CHECK(world.conclusion().origin == 0);
    CHECK(world.conclusion().code == EACCES);
    CHECK(world.conclusion().http_status == 403);
}

TEST_CASE("a destination that cannot be written ends it, whatever origins there are") {
    World world({"A", "B"});
    world.end({.kind = Kind::local, .code = ENOSPC, .cause = "no room"});
    CHECK(world.conclusion().outcome == Outcome::failed);
    CHECK(world.conclusion().code == ENOSPC);
    CHECK(world.conclusion().attempts == 1);
}

TEST_CASE("one that is too large is asked of the next origin") {
    World world({"A", "B"});
    world.end({.kind = Kind::too_large, .code = EFBIG, .cause = "endless"});
    CHECK(world.asks(1, 0));
    world.end({.kind = Kind::refused, .code = EACCES, .cause = "will not"});
    CHECK(world.conclusion().outcome == Outcome::too_large);
    CHECK(world.conclusion().origin == 0);
}

TEST_CASE("there is no pause beyond the deadline: the next origin's turn comes at once") {
    RetryPolicy policy = kPolicy;
    policy.deadline = milliseconds(1'000);
    World world({"A", "B"}, policy);
    AttemptEnd busy = temporary(0, 0, 503);
    busy.retry_after = seconds(2);
    world.end(busy);
    CHECK(world.asks(1, 0));
}

TEST_CASE("at the deadline it is told whom it waited for, and what went wrong there last") {
    World world({"A"});
    CHECK(world.plan().deadline() == kStart + seconds(60));
    world.end(temporary(0, 5));
    const Conclusion late = world.plan().on_deadline();
    CHECK(late.outcome == Outcome::failed);
    CHECK(late.code == ETIMEDOUT);
    CHECK(late.reason == "origin 'A': went away; origin 'A': not done within 60000 ms");
}

TEST_CASE("what is cancelled is cancelled") {
    World world({"A"});
    CHECK(world.plan().on_cancel().outcome == Outcome::cancelled);
    CHECK(world.plan().on_cancel().attempts == 1);
}

}  // namespace
}  // namespace shardrun::fetcher
