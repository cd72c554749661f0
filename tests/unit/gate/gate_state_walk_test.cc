// Random walks through everything that can happen to a few files, with what must hold after each
// step.
#include <doctest/doctest.h>

#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "gate/gate_state.h"

namespace shardrun::gate {
namespace {

using Kind = Action::Kind;

// The kernel, the filler and the shell, as far as the state can tell.
class Walk {
 public:
    explicit Walk(std::uint64_t seed) : rng_(seed) {}

    void run(int steps) {
        for (int i = 0; i < steps; ++i) step();
        settle();
    }

 private:
    static constexpr std::uint32_t kFiles = 4;
    struct Shadow {
        bool has_mark = true;
        bool has_bytes = false;   // verified ones
        bool is_filling = false;  // a filler may write
        bool is_watched = false;
        bool must_publish = false;
    };

    FileId any() { return FileId{static_cast<std::uint32_t>(rng_.below(kFiles))}; }
    Shadow& shadow(FileId file) { return shadows_[std::to_underlying(file)]; }

    void step() {
        const FileId file = any();
        switch (rng_.below(10)) {
            case 0:
            case 1:
                return open(file);
            case 2:
                return perform([&](auto& out) { state_.prefetch(file, out); });
            case 3:
                return perform([&](auto& out) { state_.cancel(file, out); });
            case 4:
            case 5:
                return end(file);
            case 6:
                return publish(file, rng_.below(8) == 0 ? EMFILE : 0);
            case 7:
                return evict(file);
            case 8:
                if (rng_.below(4) == 0) lose_filler();
                return;
            default:
                return notice_or_forgive(file);
        }
    }

    void open(FileId file) {
        // A queued event may be older than the mark's end.
        if (!shadow(file).has_mark && rng_.below(4) != 0) return;
        const Ticket ticket{next_ticket_++};
        waiting_[ticket] = file;
        perform([&](auto& out) { state_.on_open(file, ticket, out); });
    }

    void end(FileId file) {
        if (!shadow(file).is_filling) return;
        shadow(file).is_filling = false;
        const auto verdict = static_cast<FillVerdict>(rng_.below(4));
        shadow(file).has_bytes = verdict == FillVerdict::complete;
        perform([&](auto& out) { state_.on_fill_ended(file, verdict, EIO, out); });
    }

    void publish(FileId file, int code) {
        if (!shadow(file).must_publish) return;
        shadow(file).must_publish = false;
        if (code == 0) shadow(file).has_mark = false;
        perform([&](auto& out) { state_.on_published(file, code, out); });
    }

    void evict(FileId file) {
        if (!state_.may_evict(file)) return;
        shadow(file).has_mark = true;
        shadow(file).has_bytes = false;
        perform([&](auto& out) { state_.on_evicted(file, out); });
    }

    void lose_filler() {
        for (Shadow& each : shadows_) each.is_filling = false;
        perform([&](auto& out) { state_.on_filler_lost(out); });
    }

    void notice_or_forgive(FileId file) {
        if (shadow(file).is_watched)
            return perform([&](auto& out) { state_.on_notice(file, out); });
        state_.forgive(file);
    }

    void settle() {
        for (int i = 0; i < 1000 && state_.waiting_count() > 0; ++i) {
            for (std::uint32_t id = 0; id < kFiles; ++id) {
                end(FileId{id});
                publish(FileId{id}, 0);
            }
        }
        CHECK(state_.waiting_count() == 0);
        CHECK(waiting_.empty());
    }

    template <class Event>
    void perform(Event event) {
        GateState::Actions actions;
        event(actions);
        for (const Action& action : actions) perform_one(action);
        check();
    }

    void perform_one(const Action& action) {
        Shadow& file = shadow(action.file);
        switch (action.kind) {
            case Kind::fill:
                // Nobody may see it, and nobody else writes.
                REQUIRE(file.has_mark);
                REQUIRE(!file.is_filling);
                file.is_filling = true;
                file.has_bytes = false;
                return;
            case Kind::promote:
            case Kind::cancel:
                REQUIRE(file.is_filling);
                return;
            case Kind::publish:
                REQUIRE(file.has_bytes);
                REQUIRE(!file.is_filling);
                file.must_publish = true;
                return;
            case Kind::watch:
                file.is_watched = true;
                return;
            case Kind::unwatch:
                REQUIRE(file.is_watched);
                file.is_watched = false;
                return;
            case Kind::revert:
                REQUIRE(file.has_mark);
                REQUIRE(!file.is_filling);
                file.has_bytes = false;
                return;
            case Kind::allow:
                REQUIRE(file.has_bytes);
                REQUIRE(!file.has_mark);
                answer(action);
                return;
            case Kind::deny:
                REQUIRE(file.has_mark);
                REQUIRE(action.code != 0);
                answer(action);
                return;
            case Kind::first_open:
                return;
        }
    }

    void answer(const Action& action) {
        const auto found = waiting_.find(action.ticket);
        REQUIRE(found != waiting_.end());
        REQUIRE(found->second == action.file);
        waiting_.erase(found);
    }

    void check() {
        REQUIRE(state_.waiting_count() == waiting_.size());
        for (std::uint32_t id = 0; id < kFiles; ++id) {
            const Shadow& file = shadows_[id];
            const FileState state = state_.state(FileId{id});
            REQUIRE((state == FileState::filled) == !file.has_mark);
            REQUIRE((state == FileState::filling) == file.is_filling);
            if (!file.has_mark) REQUIRE(file.has_bytes);
            if (file.is_watched)
                REQUIRE((state == FileState::filled || state == FileState::publishing));
        }
        for (const auto& [ticket, file] : waiting_) {
            const FileState state = state_.state(file);
            REQUIRE((state == FileState::filling || state == FileState::publishing));
        }
    }

    Rng rng_;
    GateState state_{std::vector<bool>(kFiles, true)};
    std::vector<Shadow> shadows_{kFiles};
    std::map<Ticket, FileId> waiting_;
    std::int32_t next_ticket_ = 1;
};

TEST_CASE(
    "whatever happens in whatever order, nobody sees bytes that are not right, and all get one "
    "answer") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        Walk(seed).run(400);
    }
}

}  // namespace
}  // namespace shardrun::gate
