#include "gate/gate_state.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace shardrun::gate {
namespace {

using Kind = Action::Kind;
constexpr FileId kFile{1};
constexpr Ticket kFirst{10};
constexpr Ticket kSecond{11};

// Entry 0 is plain, entries 1 to 3 have bytes to come.
struct Fixture {
    GateState state{{false, true, true, true}};
    GateState::Actions actions;

    GateState::Actions take() { return std::exchange(actions, {}); }
    GateState::Actions open(Ticket ticket, FileId file = kFile) {
        state.on_open(file, ticket, actions);
        return take();
    }
    GateState::Actions prefetch(FileId file = kFile) {
        state.prefetch(file, actions);
        return take();
    }
    GateState::Actions end(FillVerdict verdict, int code = 0, FileId file = kFile) {
        state.on_fill_ended(file, verdict, code, actions);
        return take();
    }
    GateState::Actions publish(int code = 0, FileId file = kFile) {
        state.on_published(file, code, actions);
        return take();
    }
    void fill() {
        end(FillVerdict::complete);
        publish();
    }
};

std::vector<Kind> kinds(const GateState::Actions& actions) {
    std::vector<Kind> result;
    for (const Action& action : actions) result.push_back(action.kind);
    return result;
}
using Kinds = std::vector<Kind>;

TEST_CASE_FIXTURE(Fixture, "an open of an unfilled file starts a demanded fill and waits") {
    CHECK(open(kFirst) ==
          GateState::Actions{{.kind = Kind::fill, .file = kFile, .urgency = Urgency::demand}});
    CHECK(state.waiting_count() == 1);
}

TEST_CASE_FIXTURE(Fixture, "it is allowed after the publication, not when the fill ends") {
    open(kFirst);
    CHECK(kinds(end(FillVerdict::complete)) == Kinds{Kind::publish});
    const auto published = publish();
    CHECK(kinds(published) == Kinds{Kind::allow, Kind::first_open});
    CHECK(published[0].ticket == kFirst);
    CHECK(published[1].found == Found::missed);
    CHECK(state.state(kFile) == FileState::filled);
    CHECK(state.waiting_count() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a second open of the same file waits for the same fill") {
    open(kFirst);
    CHECK(open(kSecond).empty());
    end(FillVerdict::complete);
    CHECK(kinds(publish()) == Kinds{Kind::allow, Kind::allow, Kind::first_open});
}

TEST_CASE_FIXTURE(Fixture, "an open that meets a prefetch promotes it, once, and is told as late") {
    prefetch();
    CHECK(kinds(open(kFirst)) == Kinds{Kind::promote});
    CHECK(open(kSecond).empty());
    end(FillVerdict::complete);
    CHECK(publish().back().found == Found::late);
}

TEST_CASE_FIXTURE(Fixture,
                  "a prefetched file is watched before it is published, until its first open") {
    prefetch();
    CHECK(kinds(end(FillVerdict::complete)) == Kinds{Kind::watch, Kind::publish});
    CHECK(publish().empty());
    CHECK(state.is_unopened(kFile));
    state.on_notice(kFile, actions);
    CHECK(kinds(take()) == Kinds{Kind::unwatch, Kind::first_open});
    CHECK(!state.is_unopened(kFile));
    state.on_notice(kFile, actions);
    CHECK(take().empty());
}

TEST_CASE_FIXTURE(Fixture, "an open that met the mark of a file that was just published goes on") {
    prefetch();
    fill();
    CHECK(kinds(open(kFirst)) == Kinds{Kind::unwatch, Kind::first_open, Kind::allow});
    CHECK(state.waiting_count() == 0);
}

TEST_CASE_FIXTURE(Fixture, "an open during the publication goes on with it") {
    prefetch();
    end(FillVerdict::complete);
    CHECK(open(kFirst).empty());
    CHECK(kinds(publish()) == Kinds{Kind::unwatch, Kind::allow, Kind::first_open});
}

TEST_CASE_FIXTURE(Fixture,
                  "bad content is given back before anybody is denied, and denied for good") {
    open(kFirst);
    CHECK(kinds(end(FillVerdict::bad_content, EBADMSG)) == Kinds{Kind::revert, Kind::deny});
    CHECK(state.state(kFile) == FileState::bad);
    CHECK(open(kSecond) ==
          GateState::Actions{
              {.kind = Kind::deny, .file = kFile, .ticket = kSecond, .code = EBADMSG}});
    CHECK(prefetch().empty());
    state.forgive(kFile);
    CHECK(kinds(open(kSecond)) == Kinds{Kind::fill});
}

TEST_CASE_FIXTURE(Fixture, "a failed fill denies who waits, and the next open tries again") {
    open(kFirst);
    const auto denied = end(FillVerdict::failed, ENOSPC);
    CHECK(kinds(denied) == Kinds{Kind::revert, Kind::deny});
    CHECK(denied[1].code == ENOSPC);
    CHECK(kinds(open(kSecond)) == Kinds{Kind::fill});
}

TEST_CASE_FIXTURE(Fixture,
                  "a publication that fails denies who waits, unwatches and gives the bytes back") {
    prefetch();
    end(FillVerdict::complete);
    open(kFirst);
    CHECK(kinds(publish(EMFILE)) == Kinds{Kind::unwatch, Kind::revert, Kind::deny});
    CHECK(state.state(kFile) == FileState::unfilled);
}

TEST_CASE_FIXTURE(Fixture, "a prefetch is cancelled once; one that an open waits for is not") {
    prefetch();
    state.cancel(kFile, actions);
    CHECK(kinds(take()) == Kinds{Kind::cancel});
    state.cancel(kFile, actions);
    CHECK(take().empty());
    CHECK(kinds(end(FillVerdict::cancelled)) == Kinds{Kind::revert});
    CHECK(state.state(kFile) == FileState::unfilled);
    open(kFirst);
    state.cancel(kFile, actions);
    CHECK(take().empty());
}

TEST_CASE_FIXTURE(Fixture, "an open that comes while a fill is being cancelled starts it again") {
    prefetch();
    state.cancel(kFile, actions);
    take();
    CHECK(open(kFirst).empty());
    const auto again = end(FillVerdict::cancelled);
    CHECK(kinds(again) == Kinds{Kind::revert, Kind::fill});
    CHECK(again[1].urgency == Urgency::demand);
}

TEST_CASE_FIXTURE(Fixture,
                  "a prefetch that is wanted again while it is being cancelled starts again") {
    prefetch();
    state.cancel(kFile, actions);
    take();
    CHECK(prefetch().empty());
    CHECK(kinds(end(FillVerdict::cancelled)) == Kinds{Kind::revert, Kind::fill});
}

TEST_CASE_FIXTURE(Fixture,
                  "a fill that ends as cancelled though nobody wished it denies who waits") {
    open(kFirst);
    CHECK(kinds(end(FillVerdict::cancelled)) == Kinds{Kind::revert, Kind::deny});
}

TEST_CASE_FIXTURE(Fixture, "what a lost filler was at starts again, demand first, with doubt") {
    prefetch(FileId{1});
    open(kFirst, FileId{2});
    state.on_filler_lost(actions);
    const auto again = take();
    CHECK(kinds(again) == Kinds{Kind::fill, Kind::fill});
    CHECK(again[0].file == FileId{2});
    CHECK(again[0].is_doubtful);
}

TEST_CASE_FIXTURE(Fixture, "a fill that loses its filler again and again fails") {
    open(kFirst);
    for (unsigned i = 0; i < kFillersLostMax; ++i) {
        state.on_filler_lost(actions);
        CHECK(kinds(take()) == Kinds{Kind::fill});
    }
    state.on_filler_lost(actions);
    CHECK(kinds(take()) == Kinds{Kind::revert, Kind::deny});
}

TEST_CASE_FIXTURE(Fixture, "an evicted file waits and is filled like one that never was") {
    prefetch();
    fill();
    REQUIRE(state.may_evict(kFile));
    state.on_evicted(kFile, actions);
    CHECK(kinds(take()) == Kinds{Kind::unwatch});
    CHECK(!state.may_evict(kFile));
    CHECK(kinds(open(kFirst)) == Kinds{Kind::fill});
}

TEST_CASE_FIXTURE(Fixture,
                  "what has no bytes to come is denied, should anybody ask, and never filled") {
    CHECK(kinds(open(kFirst, FileId{0})) == Kinds{Kind::deny});
    CHECK(prefetch(FileId{0}).empty());
}

TEST_CASE_FIXTURE(Fixture, "a taken over tree's filled files are filled, and its fillers doubted") {
    state.adopt_filled(kFile, true);
    CHECK(state.is_unopened(kFile));
    CHECK(state.state(kFile) == FileState::filled);
    state.distrust_fillers();
    CHECK(open(kFirst, FileId{2}).front().is_doubtful);
}

}  // namespace
}  // namespace shardrun::gate
