#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/mono_time.h"
#include "base/rng.h"
#include "fetcher/message.h"
#include "fetcher/options.h"

namespace shardrun::fetcher {

/// What one request came to.
struct AttemptEnd {
    enum class Kind {
        whole,         ///< all bytes are there, and their digest is right
        not_found,     ///< the origin has no such file in this place
        wrong_digest,  ///< all bytes are there, but they are others; they are given up
        too_large,     ///< longer than allowed; the bytes are given up
        temporary,     ///< may be better next time: a reset, a stall, a busy server
        refused,       ///< would be the same next time
        local,         ///< the destination cannot be written: no origin can help
    };
    Kind kind = Kind::whole;
    int code = 0;                   ///< errno value
    unsigned http_status = 0;       ///< of the answer; 0: there was none
    std::string cause{};            ///< in words
    std::uint64_t began_at = 0;     ///< where the bytes begin that this request brought
    std::uint64_t bytes_there = 0;  ///< that the next request may go on from
    std::chrono::seconds retry_after{0};
};

/// Ask this origin for what is not there yet.
struct Ask {
    std::size_t origin = 0;
    unsigned layout = 0;
    bool operator==(const Ask&) const = default;
};
/// Then the same origin again.
struct Wait {
    MonoTime until;
    bool operator==(const Wait&) const = default;
};
/// The job has ended.
struct Conclusion {
    Outcome outcome = Outcome::complete;
    std::uint16_t origin = kOriginNone;
    int code = 0;
    unsigned http_status = 0;
    std::uint32_t attempts = 0;
    std::string reason{};
};
using Step = std::variant<Ask, Wait, Conclusion>;

/// How a blob is fetched: each origin in turn, each layout of it, again after a pause while that
/// may help. Bytes that are there stay for the next origin, since the digest names them all; when
/// bytes of several origins turn out wrong together, the last one is asked for all of them. Pure:
/// whoever performs the steps tells what came of them and what time it is.
class FetchPlan {
 public:
    /// `origins` is how they are called in reasons.
    FetchPlan(std::vector<std::string> origins, const RetryPolicy& policy, MonoTime begun)
        : origins_(std::move(origins)), policy_(policy), deadline_(begun + policy.deadline) {}

    Step begin();
    /// Of the last Ask.
    Step on_end(const AttemptEnd& end, MonoTime now, Rng& rng);
    /// The time of the last Wait has come.
    Step on_wake() { return ask(); }
    /// The time is over, or it is not wanted any more.
    Conclusion on_deadline() const;
    Conclusion on_cancel() const;

    MonoTime deadline() const { return deadline_; }
    std::uint32_t attempts() const { return attempts_; }

 private:
    Step ask();
    Step ask_next_origin(std::uint64_t bytes_there);
    Step on_not_found(const AttemptEnd& end);
    Step on_wrong_digest(const AttemptEnd& end);
    Step on_temporary(const AttemptEnd& end, MonoTime now, Rng& rng);
    void note_source(const AttemptEnd& end);
    void note_verdict(Outcome outcome, const AttemptEnd& end);
    MonoClock::duration pause(std::chrono::seconds retry_after, Rng& rng) const;
    Conclusion conclude(Outcome outcome, const AttemptEnd& end) const;
    Conclusion conclude_worst() const;
    std::string described(const AttemptEnd& end) const;

    std::vector<std::string> origins_;
    RetryPolicy policy_;
    MonoTime deadline_;
    std::size_t origin_ = 0;
    unsigned layout_ = 0;
    std::uint32_t attempts_ = 0;
    unsigned fruitless_ = 0;      // Requests in a row to this origin that brought nothing new.
    std::uint64_t furthest_ = 0;  // As far as the bytes ever came.
    std::optional<std::size_t> source_{};  // Whose bytes are there.
    bool has_mixed_sources_ = false;
    bool is_asked_for_all_ = false;
    std::optional<Conclusion> worst_{};  // Of the origins that are done with.
    std::string reasons_;                // Of all of them.
    std::string last_;                   // What went wrong last, with its origin.
};

}  // namespace shardrun::fetcher
