#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "blob/session.h"
#include "blob/store.h"
#include "shardrun/error.h"
#include "streamer/message.h"
#include "sys/event_loop.h"
#include "sys/unique_fd.h"
#include "trees/fetches.h"
#include "trees/filler.h"

namespace shardrun::trees {

/// Fills files with blobs: of the store, and what that lacks, of the origins. Whatever comes is
/// verified by the streamer on its way, and what was fetched is stored once it was found right.
class Supply {
 public:
    enum class JobId : std::uint64_t {};
    struct Order {
        blob::Digest digest;
        std::optional<std::uint64_t> size_bytes;  ///< none: whatever it has
        streamer::Urgency urgency = streamer::Urgency::prefetch;
    };
    struct End {
        streamer::Outcome outcome = streamer::Outcome::failed;
        int code = 0;                  ///< errno value of what failed
        std::uint64_t size_bytes = 0;  ///< of the blob, when it is there
        std::string reason{};          ///< in words, when it was to come from the origins
    };
    using OnEnd = std::function<void(const End& end)>;
    /// The destination once more: none is held while a blob is fetched.
    using Reopen = std::function<Result<sys::UniqueFd>()>;

    /// `fetches`: null without origins. All outlive it.
    Supply(sys::EventLoop& loop, Filler& filler, Fetches* fetches)
        : loop_(loop), filler_(filler), fetches_(fetches) {}
    ~Supply();
    Supply(const Supply&) = delete;
    Supply& operator=(const Supply&) = delete;

    /// Before the first order; both outlive it.
    void use(const blob::Store& store, blob::Session& session);

    /// `on_end` is called once and never from inside the call, when nobody has the destination open
    /// any more. Errors: ENOENT when it is nowhere; EAGAIN when too much is under way; EPIPE while
    /// there is no streamer.
    Result<JobId> fill(const Order& order, sys::UniqueFd destination, Reopen reopen, OnEnd on_end);
    /// Jobs that have ended already are fine.
    void promote(JobId job);
    /// It still ends, maybe inside the call.
    void cancel(JobId job);
    /// The same, and nobody is told of its end.
    void forget(JobId job);
    /// Whether its end is still to come.
    bool is_under_way(JobId job) const { return jobs_.contains(job); }

    /// The streamer is another: nobody hears of what the old one was at.
    void lose_filler();

 private:
    struct Job {
        Order order;
        Reopen reopen;
        OnEnd on_end;
        std::optional<Fetches::WishId> wish{};     ///< while it is fetched
        std::shared_ptr<FetchedBlob> fetched{};    ///< null: it comes from the store
        std::optional<streamer::JobId> filling{};  ///< while it is streamed
        std::uint64_t size_bytes = 0;
    };
    Result<void> begin(JobId id, Job& job, sys::UniqueFd destination);
    Result<void> begin_fetched(JobId id, Job& job, sys::UniqueFd destination);
    Result<void> stream(JobId id, Job& job, blob::OpenBlob source, sys::UniqueFd destination);
    void on_fetched(JobId id, const Fetches::Fetched& fetched);
    void stream_fetched(JobId id);
    Result<void> try_stream_fetched(JobId id, Job& job);
    void on_streamed(JobId id, const streamer::Report& report);
    static End end_of_fetched(const Job& job, const streamer::Report& report);
    void end(JobId id, const End& end);
    void store(const std::shared_ptr<FetchedBlob>& fetched);
    void try_again_later();
    void try_again();

    sys::EventLoop& loop_;
    Filler& filler_;
    Fetches* fetches_;
    const blob::Store* store_ = nullptr;
    blob::Session* session_ = nullptr;
    std::unordered_map<JobId, Job> jobs_;
    std::uint64_t last_job_ = 0;
    std::vector<JobId> unstreamed_;                       // Fetched; the streamer had no room.
    std::vector<std::shared_ptr<FetchedBlob>> unstored_;  // Right; somebody sweeps the store.
    sys::TimerId timer_{};
};

}  // namespace shardrun::trees
