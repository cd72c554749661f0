#include "gate/gate_state.h"

#include <cerrno>
#include <utility>

#include "base/fail.h"

namespace shardrun::gate {

GateState::GateState(const std::vector<bool>& is_gated) : files_(is_gated.size()) {
    for (std::size_t i = 0; i < files_.size(); ++i)
        if (is_gated[i]) files_[i].state = FileState::unfilled;
}

const GateState::File& GateState::at(FileId file) const {
    SR_ASSERT(std::to_underlying(file) < files_.size());
    return files_[std::to_underlying(file)];
}

GateState::File& GateState::at(FileId file) {
    SR_ASSERT(std::to_underlying(file) < files_.size());
    return files_[std::to_underlying(file)];
}

void GateState::start(FileId id, Urgency urgency, Actions& actions) {
    File& file = at(id);
    file.state = FileState::filling;
    file.urgency = urgency;
    file.is_cancelled = false;
    file.is_wanted_again = false;
    actions.push_back({.kind = Action::Kind::fill,
                       .file = id,
                       .urgency = urgency,
                       .is_doubtful = is_distrustful_ || file.lost_count > 0});
}

/// The fill is under way; from now on somebody waits for it.
void GateState::join(FileId id, Ticket ticket, Actions& actions) {
    File& file = at(id);
    if (file.waiting.empty()) file.found = Found::late;
    file.waiting.push_back(ticket);
    ++waiting_count_;
    const bool is_raised = file.state == FileState::filling && file.urgency == Urgency::prefetch;
    file.urgency = Urgency::demand;
    // A cancelled fill ends first and is then started anew.
    if (is_raised && !file.is_cancelled)
        actions.push_back({.kind = Action::Kind::promote, .file = id});
}

void GateState::on_open(FileId id, Ticket ticket, Actions& actions) {
    File& file = at(id);
    switch (file.state) {
        case FileState::unfilled:
            start(id, Urgency::demand, actions);
            file.found = Found::missed;
            file.waiting.push_back(ticket);
            ++waiting_count_;
            return;
        case FileState::filling:
        case FileState::publishing:
            return join(id, ticket, actions);
        case FileState::filled:
            // It met the mark just before that was taken away.
            on_notice(id, actions);
            actions.push_back({.kind = Action::Kind::allow, .file = id, .ticket = ticket});
            return;
        case FileState::bad:
        case FileState::plain:
            actions.push_back({.kind = Action::Kind::deny,
                               .file = id,
                               .ticket = ticket,
                               .code = file.code == 0 ? EIO : file.code});
            return;
    }
}

void GateState::on_notice(FileId id, Actions& actions) {
    File& file = at(id);
    if (!file.is_watched) return;  // Opened twice before the watch was gone.
    file.is_watched = false;
    actions.push_back({.kind = Action::Kind::unwatch, .file = id});
    actions.push_back({.kind = Action::Kind::first_open, .file = id, .found = Found::ready});
}

void GateState::on_fill_ended(FileId id, FillVerdict verdict, int code, Actions& actions) {
    File& file = at(id);
    if (file.state != FileState::filling)
        return;  // Told twice: of a filler before and after it was lost.
    switch (verdict) {
        case FillVerdict::complete:
            file.state = FileState::publishing;
            // Watched first: no open may slip through between mark and watch unseen.
            file.is_watched = file.waiting.empty();
            if (file.is_watched) actions.push_back({.kind = Action::Kind::watch, .file = id});
            actions.push_back({.kind = Action::Kind::publish, .file = id});
            return;
        case FillVerdict::bad_content:
            return give_up(id, FileState::bad, code, actions);
        case FillVerdict::failed:
            return give_up(id, FileState::unfilled, code, actions);
        case FillVerdict::cancelled:
            // Nobody asked for it: starting anew could go on for ever.
            if (!file.is_cancelled) return give_up(id, FileState::unfilled, EIO, actions);
            actions.push_back({.kind = Action::Kind::revert, .file = id});
            file.state = FileState::unfilled;
            if (!file.waiting.empty())
                start(id, Urgency::demand, actions);
            else if (file.is_wanted_again)
                start(id, Urgency::prefetch, actions);
            return;
    }
}

/// The bytes go before anybody is told; the mark stays.
void GateState::give_up(FileId id, FileState next, int code, Actions& actions) {
    File& file = at(id);
    file.state = next;
    file.code = code;
    file.lost_count = 0;
    if (std::exchange(file.is_watched, false))
        actions.push_back({.kind = Action::Kind::unwatch, .file = id});
    actions.push_back({.kind = Action::Kind::revert, .file = id});
    for (const Ticket ticket : std::exchange(file.waiting, {})) {
        actions.push_back({.kind = Action::Kind::deny,
                           .file = id,
                           .ticket = ticket,
                           .code = code == 0 ? EIO : code});
        --waiting_count_;
    }
}

void GateState::on_published(FileId id, int code, Actions& actions) {
    File& file = at(id);
    SR_ASSERT(file.state == FileState::publishing);
    if (code != 0) return give_up(id, FileState::unfilled, code, actions);
    file.state = FileState::filled;
    file.lost_count = 0;
    const bool was_awaited = !file.waiting.empty();
    if (was_awaited && std::exchange(file.is_watched, false))
        actions.push_back({.kind = Action::Kind::unwatch, .file = id});
    for (const Ticket ticket : std::exchange(file.waiting, {})) {
        actions.push_back({.kind = Action::Kind::allow, .file = id, .ticket = ticket});
        --waiting_count_;
    }
    if (was_awaited)
        actions.push_back({.kind = Action::Kind::first_open, .file = id, .found = file.found});
}

void GateState::on_filler_lost(Actions& actions) {
    for (const Urgency urgency : {Urgency::demand, Urgency::prefetch}) {
        for (std::size_t i = 0; i < files_.size(); ++i) {
            File& file = files_[i];
            const FileId id{static_cast<std::uint32_t>(i)};
            if (file.state != FileState::filling || file.urgency != urgency) continue;
            // Once restarted it looks like the others of its urgency, but no further pass sees it.
            if (file.is_cancelled && file.waiting.empty() && !file.is_wanted_again)
                give_up(id, FileState::unfilled, ECANCELED, actions);
            else if (++file.lost_count > kFillersLostMax)
                give_up(id, FileState::unfilled, EIO, actions);
            else
                start(id, urgency, actions);
        }
    }
}

void GateState::on_evicted(FileId id, Actions& actions) {
    File& file = at(id);
    SR_ASSERT(may_evict(id));
    file.state = FileState::unfilled;
    if (std::exchange(file.is_watched, false))
        actions.push_back({.kind = Action::Kind::unwatch, .file = id});
}

void GateState::prefetch(FileId id, Actions& actions) {
    File& file = at(id);
    if (file.state == FileState::unfilled) return start(id, Urgency::prefetch, actions);
    file.is_wanted_again = file.is_cancelled;
}

void GateState::cancel(FileId id, Actions& actions) {
    File& file = at(id);
    file.is_wanted_again = false;
    if (file.state != FileState::filling || !file.waiting.empty() || file.is_cancelled) return;
    file.is_cancelled = true;
    actions.push_back({.kind = Action::Kind::cancel, .file = id});
}

void GateState::forgive(FileId id) {
    File& file = at(id);
    if (file.state == FileState::bad) file.state = FileState::unfilled;
    file.code = 0;
}

void GateState::adopt_filled(FileId id, bool is_watched) {
    File& file = at(id);
    if (file.state != FileState::unfilled) return;
    file.state = FileState::filled;
    file.is_watched = is_watched;
}

bool GateState::is_unopened(FileId id) const {
    return at(id).state == FileState::filled && at(id).is_watched;
}

}  // namespace shardrun::gate
