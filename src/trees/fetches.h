#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "blob/session.h"
#include "fetcher/fetcher_process.h"
#include "shardrun/error.h"
#include "sys/event_loop.h"
#include "sys/staged_file.h"
#include "trees/kept_helper.h"

namespace shardrun::trees {

/// What the origins gave for a blob, in a file that has no name yet. Its bytes are strangers' until
/// somebody else has found their digest right.
struct FetchedBlob {
    blob::StoredBlob blob;
    sys::StagedFile file;  ///< for reading
    /// Nobody can write to it any more, so what was found right stays so.
    bool is_settled = false;
    bool is_stored = false;
};

/// The fetcher, kept running, and who waits for which blob: each is fetched once, however many do.
/// What somebody waits for comes before what nobody does.
class Fetches {
 public:
    struct Order {
        blob::Digest digest;
        std::optional<std::uint64_t> size_bytes;  ///< as far as it is known
        fetcher::Urgency urgency = fetcher::Urgency::prefetch;
    };
    /// All who wait share the blob; when the last lets it go without storing it, it is gone.
    using Fetched = Result<std::shared_ptr<FetchedBlob>>;
    using OnEnd = std::function<void(const Fetched& fetched)>;
    enum class WishId : std::uint64_t {};

    /// `size_max_bytes` of blobs whose size is not known. `loop` outlives it.
    static Result<std::unique_ptr<Fetches>> start(const fetcher::FetcherConfig& config,
                                                  std::uint64_t size_max_bytes,
                                                  sys::EventLoop& loop);
    /// Nobody is told anything.
    ~Fetches();
    Fetches(const Fetches&) = delete;
    Fetches& operator=(const Fetches&) = delete;

    /// Where files are made; outlives it, and comes before the first wish.
    void use(const blob::Session& session) { session_ = &session; }

    /// A blob that somebody holds still, or why it could not be had a moment ago.
    std::optional<Fetched> find(const Order& order) const;
    /// `on_end` is called once, never from inside the call.
    WishId want(const Order& order, OnEnd on_end);
    /// Wishes that have been answered are fine.
    void promote(WishId wish);
    /// Nobody is told of its end.
    void drop(WishId wish);

    std::optional<pid_t> fetcher_pid() const { return helper_.pid(); }

 private:
    using Helper = KeptHelper<fetcher::FetcherProcess>;
    struct Key {
        blob::Digest digest;
        std::optional<std::uint64_t> size_bytes;
        auto operator<=>(const Key&) const = default;
    };
    struct Wish {
        Key key;
        OnEnd on_end;
    };
    struct Fetch {
        std::set<WishId> wishes{};
        fetcher::Urgency urgency = fetcher::Urgency::prefetch;
        std::optional<fetcher::JobId> job{};    ///< none: its turn is to come
        std::optional<sys::StagedFile> file{};  ///< of the job
        unsigned lost_count = 0;                ///< fetchers that ended over it
    };
    struct Failure {
        MonoTime forgotten_at;
        Error error;
    };

    Fetches(const fetcher::FetcherConfig& config, std::uint64_t size_max_bytes,
            sys::EventLoop& loop);
    void queue(const Key& key, fetcher::Urgency urgency);
    void drop_stale(std::deque<Key>& keys);
    void begin_waiting();
    bool begin_waiting_of(fetcher::Urgency urgency);
    Result<void> begin(const Key& key, Fetch& fetch);
    void on_report(const Key& key, const fetcher::Report& report);
    Fetched accept(const Key& key, sys::StagedFile file);
    Error error_of(const fetcher::Report& report) const;
    void on_lost();
    void end_soon(const Key& key, Error error);
    void end(const Key& key, const Fetched& fetched);
    void remember(const Key& key, const Error& error);

    sys::EventLoop& loop_;
    std::uint64_t size_max_bytes_;
    const blob::Session* session_ = nullptr;
    Helper helper_;
    std::map<WishId, Wish> wishes_;
    std::map<Key, Fetch> fetches_;
    // Whose turn comes; what is gone, or begun, is passed over.
    std::deque<Key> demands_, prefetches_;
    std::map<Key, std::weak_ptr<FetchedBlob>> fetched_;
    std::map<Key, Failure> failures_;
    std::vector<std::pair<Key, Error>> ending_;  // Told in the next round of the loop.
    sys::TimerId ending_timer_{};
    std::uint64_t last_wish_ = 0;
};

}  // namespace shardrun::trees
