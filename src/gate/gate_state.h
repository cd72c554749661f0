#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gate/entry.h"

namespace shardrun::gate {

/// An open that waits: the number of its event.
enum class Ticket : std::int32_t {};

enum class Urgency : std::uint8_t { prefetch, demand };

/// Where a file's bytes stand. Only `filled` files are open to all; every other one has its mark.
enum class FileState : std::uint8_t {
    plain,       ///< never gated: a directory, a link, an empty file
    unfilled,    ///< zeros
    filling,     ///< whoever fills is at work
    publishing,  ///< the bytes are right; not yet visible
    filled,      ///< visible
    bad,         ///< its content is not what it should be; opens are denied
};

/// How a fill ended.
enum class FillVerdict : std::uint8_t {
    complete,     ///< every byte is there and the digest is right; nobody has it open for writing
    bad_content,  ///< size or digest are wrong: never to be tried again
    failed,       ///< not this time; the next open tries again
    cancelled,    ///< as was wished
};

/// What the first open of a filled file met.
enum class Found : std::uint8_t {
    missed,  ///< the open started the fill
    late,    ///< the fill was under way
    ready,   ///< the bytes were there
};

/// What is to be done, in the order given.
struct Action {
    enum class Kind : std::uint8_t {
        fill,     ///< start a fill with `urgency`; its end is told to on_fill_ended. `is_doubtful`:
                  ///< first prove that a filler that is gone writes no more
        promote,  ///< the fill is for an open now
        cancel,   ///< the fill is not wanted any more; it still ends
        publish,  ///< make the bytes visible, then tell on_published
        watch,    ///< learn of the next open, without holding it up
        unwatch,  ///< no longer
        revert,   ///< give the bytes back; zeros again
        allow,    ///< let `ticket` go on
        deny,     ///< refuse `ticket` with errno `code`
        first_open,  ///< tell: the file's first open `found` it so
    };
    Kind kind{};
    FileId file{};
    Ticket ticket{-1};
    Urgency urgency = Urgency::prefetch;
    int code = 0;
    Found found = Found::missed;
    bool is_doubtful = false;

    bool operator==(const Action&) const = default;
};

/// How often a fill may lose its filler before it counts as failed.
inline constexpr unsigned kFillersLostMax = 3;

/// Decides what the opens of a tree's files get. Pure: everything that happens is told by a call,
/// which appends what is to be done. Every ticket that came in goes out once, allowed only while
/// its file is filled.
class GateState {
 public:
    using Actions = std::vector<Action>;

    /// Files whose bit is set have bytes to come.
    explicit GateState(const std::vector<bool>& is_gated);

    /// An open waits. Files that are plain, as none should be asked about, are denied.
    void on_open(FileId file, Ticket ticket, Actions& actions);
    /// A watched file was opened.
    void on_notice(FileId file, Actions& actions);
    /// The fill that was started ended; `code` says why, unless it is complete.
    void on_fill_ended(FileId file, FillVerdict verdict, int code, Actions& actions);
    /// Who filled is gone with all its descriptors: what it was at starts again, demand first.
    void on_filler_lost(Actions& actions);
    /// `publish` came to this: 0 or an errno value.
    void on_published(FileId file, int code, Actions& actions);
    /// The mark is back and the bytes are gone, proven to be unused. Only of a file that may be
    /// evicted.
    void on_evicted(FileId file, Actions& actions);

    /// Have it filled, if it is not and nobody does.
    void prefetch(FileId file, Actions& actions);
    /// Nobody wants a prefetch any more. An open that waits keeps it going.
    void cancel(FileId file, Actions& actions);
    /// A bad file may be tried again.
    void forgive(FileId file);
    /// Found to be filled, and maybe still watched, when an earlier owner's tree is taken over.
    void adopt_filled(FileId file, bool is_watched);
    /// The same for all others: a filler of the earlier owner may not have noticed its end yet.
    void distrust_fillers() { is_distrustful_ = true; }

    FileState state(FileId file) const { return at(file).state; }
    bool may_evict(FileId file) const { return at(file).state == FileState::filled; }
    /// Filled before any open, and none since.
    bool is_unopened(FileId file) const;
    /// Tickets that came in and did not go out yet.
    std::size_t waiting_count() const { return waiting_count_; }
    std::size_t size() const { return files_.size(); }

 private:
    struct File {
        FileState state = FileState::plain;
        Urgency urgency = Urgency::prefetch;
        bool is_watched = false;
        bool is_cancelled = false;  ///< and the end of the fill is awaited
        bool is_wanted_again = false;
        unsigned lost_count = 0;
        int code = 0;  ///< of a bad file
        Found found = Found::late;
        std::vector<Ticket> waiting;
    };

    const File& at(FileId file) const;
    File& at(FileId file);
    void start(FileId id, Urgency urgency, Actions& actions);
    void join(FileId id, Ticket ticket, Actions& actions);
    void give_up(FileId id, FileState next, int code, Actions& actions);

    std::vector<File> files_;
    std::size_t waiting_count_ = 0;
    bool is_distrustful_ = false;
};

}  // namespace shardrun::gate
