#include "gate/gate.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fail.h"
#include "sys/file_io.h"
#include "sys/lease.h"

namespace shardrun::gate {
namespace {

constexpr std::size_t kReadMax = 32;  // Events of one round; other descriptors come in between.
// Of our descriptors, what opens may take while they wait: an event without one would be denied.
constexpr std::uint32_t kDescriptorsShare = 4;
constexpr std::uint32_t kEventNumbersMax = 1U << 20U;
constexpr std::chrono::milliseconds kDelayStep{1};
constexpr std::chrono::seconds kDelayMax{10};

std::uint32_t event_numbers() {
    rlimit limit{};
    (void)::getrlimit(RLIMIT_NOFILE, &limit);  // Fails for no limit that there is.
    return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, kEventNumbersMax));
}

std::vector<bool> gated_files(const Tree& tree) {
    std::vector<bool> is_gated(tree.size());
    for (std::uint32_t i = 0; i < tree.size(); ++i) is_gated[i] = tree.is_gated(FileId{i});
    return is_gated;
}

/// A table or queue is full, or the filler is just being replaced.
bool is_passing(int code) {
    return code == EMFILE || code == ENFILE || code == EAGAIN || code == EPIPE;
}

Result<sys::UniqueFd> duplicate(int fd) {
    sys::UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno("duplicate a gate's descriptor");
    return copy;
}

}  // namespace

Result<std::unique_ptr<Gate>> Gate::assemble(sys::EventLoop& loop, Groups groups, Tree tree,
                                             const GateConfig& config, GateOwner& owner) {
    SR_TRY(Ledger ledger, Ledger::create(event_numbers()));
    std::unique_ptr<Gate> gate(
        new Gate(loop, std::move(groups), std::move(tree), std::move(ledger), config, owner));
    SR_DO(gate->listen());
    return gate;
}

Result<std::unique_ptr<Gate>> Gate::adopt(sys::EventLoop& loop, Entries entries,
                                          GateHandles handles, const TreeConfig& tree_config,
                                          const GateConfig& config, GateOwner& owner) {
    sys::FanotifyGroup opens(std::move(handles.group), sys::FanotifyUse::permission);
    sys::FanotifyGroup notices(std::move(handles.notices), sys::FanotifyUse::notice);
    SR_TRY(Ledger ledger, Ledger::adopt(std::move(handles.ledger)));
    SR_TRY(Tree tree, Tree::adopt(std::move(entries), std::move(handles.mount), tree_config));
    std::unique_ptr<Gate> gate(new Gate(loop, {std::move(opens), std::move(notices)},
                                        std::move(tree), std::move(ledger), config, owner));
    SR_DO(gate->take_over());
    SR_DO(gate->listen());
    return gate;
}

Gate::Gate(sys::EventLoop& loop, Groups groups, Tree tree, Ledger ledger, const GateConfig& config,
           GateOwner& owner)
    : loop_(loop),
      config_{std::min<std::size_t>(config.waiters_max, event_numbers() / kDescriptorsShare)},
      owner_(owner),
      groups_(std::move(groups)),
      tree_(std::move(tree)),
      ledger_(std::move(ledger)),
      state_(gated_files(tree_)) {}

Gate::~Gate() {
    loop_.forget(groups_.opens.fd());
    loop_.forget(groups_.notices.fd());
    loop_.cancel_timer(delay_timer_);
    if (is_left_to_next_owner_) return;
    for (const auto& [ticket, file] : ledger_.waiting()) answer(ticket, false, EIO);
    // What the kernel has not told yet would pass when the group ends.
    std::vector<std::pair<Ticket, FileId>> opens;
    do {
        opens.clear();
        read_opens(kReadMax, opens);
        for (const auto& [ticket, file] : opens) answer(ticket, false, EIO);
    } while (!opens.empty());
}

Result<void> Gate::listen() {
    SR_DO(loop_.watch(groups_.notices.fd(), EPOLLIN, [this](std::uint32_t) { on_notices(); }));
    SR_DO(loop_.watch(groups_.opens.fd(), EPOLLIN, [this](std::uint32_t) { on_opens(); }));
    is_listening_ = true;
    follow_room();
    return {};
}

Result<GateHandles> Gate::duplicate_handles() const {
    GateHandles handles;
    SR_TRY(handles.group, duplicate(groups_.opens.fd()));
    SR_TRY(handles.notices, duplicate(groups_.notices.fd()));
    SR_TRY(handles.ledger, duplicate(ledger_.fd()));
    SR_TRY(handles.mount, duplicate(tree_.own_mount()));
    return handles;
}

Result<sys::UniqueFd> Gate::duplicate_group() const {
    return duplicate(groups_.opens.fd());
}

void Gate::leave_to_next_owner() {
    is_left_to_next_owner_ = true;
    tree_.leave_attached();
}

std::size_t Gate::readable_count() const {
    if (!foreign_.empty() || state_.waiting_count() >= config_.waiters_max) return 0;
    return std::min(kReadMax, config_.waiters_max - state_.waiting_count());
}

/// With no room for more the kernel keeps them, and they wait there.
void Gate::follow_room() {
    if (!is_listening_) return;
    const bool is_paused = readable_count() == 0;
    if (is_paused == is_reading_paused_) return;
    tell(loop_.change(groups_.opens.fd(), is_paused ? 0U : unsigned{EPOLLIN}));
    is_reading_paused_ = is_paused;
}

void Gate::on_opens() {
    std::vector<std::pair<Ticket, FileId>> opens;
    if (const std::size_t count_max = readable_count(); count_max > 0) read_opens(count_max, opens);
    GateState::Actions actions;
    for (const auto& [ticket, file] : opens) state_.on_open(file, ticket, actions);
    actions_.insert(actions_.end(), actions.begin(), actions.end());
    perform();
    follow_room();
}

/// Notes each before anything else is done. An open that cannot be noted is denied.
void Gate::read_opens(std::size_t count_max, std::vector<std::pair<Ticket, FileId>>& opens) {
    std::vector<Ticket> strangers;
    ledger_.begin_reading();
    auto events = groups_.opens.read(count_max);
    for (std::size_t i = 0; events && i < events->size(); ++i) {
        const Ticket ticket{(*events)[i].file.release()};
        const auto status = sys::status_of(std::to_underlying(ticket));
        const auto file = status ? tree_.find(status->st_ino) : std::nullopt;
        const bool can_note = std::cmp_less(std::to_underlying(ticket), ledger_.count());
        if (file && can_note)
            ledger_.note(ticket, opens.emplace_back(ticket, *file).second);
        else
            strangers.push_back(ticket);
    }
    for (const Ticket ticket : strangers) answer(ticket, false, EAGAIN);
    ledger_.end_reading();
    if (!events) owner_.on_trouble(events.error());
}

void Gate::on_notices() {
    bool has_more = true;
    while (has_more) {
        auto events = groups_.notices.read(kReadMax);
        if (!events) return owner_.on_trouble(events.error());
        has_more = events->size() == kReadMax;
        take_notices(*std::move(events));
    }
}

void Gate::take_notices(std::vector<sys::OpenEvent> events) {
    GateState::Actions actions;
    for (const sys::OpenEvent& event : events) {
        const auto status = sys::status_of(event.file.get());
        const auto file = status ? tree_.find(status->st_ino) : std::nullopt;
        if (file) state_.on_notice(*file, actions);
    }
    events.clear();  // Open descriptors of ours would speak against an eviction.
    actions_.insert(actions_.end(), actions.begin(), actions.end());
    perform();
}

void Gate::prefetch(FileId file) {
    GateState::Actions actions;
    state_.prefetch(file, actions);
    actions_.insert(actions_.end(), actions.begin(), actions.end());
    perform();
}

void Gate::cancel_prefetch(FileId file) {
    GateState::Actions actions;
    state_.cancel(file, actions);
    actions_.insert(actions_.end(), actions.begin(), actions.end());
    perform();
}

void Gate::end_fill(FileId file, FillVerdict verdict, int code) {
    GateState::Actions actions;
    state_.on_fill_ended(file, verdict, code, actions);
    actions_.insert(actions_.end(), actions.begin(), actions.end());
    perform();
}

void Gate::lose_filler() {
    delayed_.clear();  // They are told again as well.
    GateState::Actions actions;
    state_.on_filler_lost(actions);
    actions_.insert(actions_.end(), actions.begin(), actions.end());
    perform();
}

/// Calls of the owner may add actions; they come after those that are there.
void Gate::perform() {
    if (is_performing_) return;
    is_performing_ = true;
    while (!actions_.empty()) {
        const Action action = actions_.front();
        actions_.pop_front();
        perform_one(action);
    }
    is_performing_ = false;
    follow_room();
}

void Gate::perform_one(const Action& action) {
    const std::string& path = tree_.entry(action.file).path;
    switch (action.kind) {
        case Action::Kind::fill:
            return fill(action);
        case Action::Kind::promote:
            for (DelayedFill& each : delayed_)
                if (each.file == action.file) each.urgency = Urgency::demand;
            return owner_.promote_fill(action.file);
        case Action::Kind::cancel:
            return owner_.cancel_fill(action.file);
        case Action::Kind::publish: {
            const auto done = publish(action.file);
            tell(done);
            GateState::Actions next;
            state_.on_published(action.file, done ? 0 : done.error().code, next);
            actions_.insert(actions_.begin(), next.begin(), next.end());
            return;
        }
        case Action::Kind::watch:
            return tell(groups_.notices.mark_at(tree_.own_mount(), path));
        case Action::Kind::unwatch:
            return tell(groups_.notices.unmark_at(tree_.own_mount(), path));
        case Action::Kind::revert:
            tell(revert(action.file));
            return owner_.on_reverted(action.file);
        case Action::Kind::allow:
            return answer(action.ticket, true, 0);
        case Action::Kind::deny:
            return answer(action.ticket, false, action.code);
        case Action::Kind::first_open:
            return owner_.on_first_open(action.file, action.found);
    }
}

void Gate::fill(const Action& action) {
    const DelayedFill fill{action.file, action.urgency, loop_.now() + kDelayMax,
                           action.is_doubtful};
    if (action.is_doubtful && has_writer(action.file)) return delay(fill);
    start_fill(fill);
}

void Gate::delay(const DelayedFill& fill) {
    delayed_.push_back(fill);
    set_delay_timer();
}

/// What a dead filler still has open closes as soon as the kernel gets to it; a full table or queue
/// has room again when some fill has ended.
void Gate::retry_delayed() {
    delay_timer_ = {};
    for (const DelayedFill& each : std::exchange(delayed_, {})) {
        if (loop_.now() >= each.deadline)
            end_fill(each.file, FillVerdict::failed, EBUSY);
        else if (each.is_doubtful && has_writer(each.file))
            delay(each);
        else
            start_fill(each);
    }
}

void Gate::set_delay_timer() {
    if (delayed_.empty() || delay_timer_ != sys::TimerId{}) return;
    delay_timer_ = loop_.set_timer(loop_.now() + kDelayStep, [this] { retry_delayed(); });
}

bool Gate::has_writer(FileId file) {
    const auto opened = tree_.open(file, O_RDONLY);
    const auto proven = opened ? sys::prove_no_writer(opened->get())
                               : Result<void>(std::unexpected(opened.error()));
    if (!proven && proven.error().code != EAGAIN) owner_.on_trouble(proven.error());
    return !proven;
}

void Gate::start_fill(const DelayedFill& fill) {
    auto destination = tree_.open(fill.file, O_WRONLY);
    const auto started = destination
                             ? owner_.start_fill(fill.file, fill.urgency, *std::move(destination))
                             : Result<void>(std::unexpected(destination.error()));
    if (started) return;
    if (is_passing(started.error().code)) return delay(fill);
    owner_.on_trouble(started.error());
    end_fill(fill.file, FillVerdict::failed, started.error().code);
}

/// All bytes are there, their digest is right, and nobody can write them any more. Only now may the
/// mark go, and whoever waits goes after it.
Result<void> Gate::publish(FileId file) {
    SR_DO(tree_.restore_time(file));
    return groups_.opens.unmark_at(tree_.own_mount(), tree_.entry(file).path);
}

Result<void> Gate::revert(FileId file) {
    SR_TRY(const sys::UniqueFd writable, tree_.open(file, O_WRONLY));
    SR_DO(tree_.punch(file, writable.get()));
    return tree_.restore_time(file);
}

Result<void> Gate::evict(FileId file) {
    const std::string& path = tree_.entry(file).path;
    if (!state_.may_evict(file)) return refuse(EBUSY, "'{}' is not filled", path);
    // The mark first: whoever opens from now on waits. Who came before is seen by the proof.
    SR_DO(groups_.opens.mark_at(tree_.own_mount(), path));
    auto done = punch_unused(file);
    if (!done) {
        tell(groups_.opens.unmark_at(tree_.own_mount(), path));
        return while_doing(std::move(done), "evict '{}'", path);
    }
    GateState::Actions actions;
    state_.on_evicted(file, actions);
    actions_.insert(actions_.end(), actions.begin(), actions.end());
    perform();
    return tree_.restore_time(file);
}

/// Once it is proven that nobody uses the file it counts as empty, whatever the punching says.
Result<void> Gate::punch_unused(FileId file) {
    SR_TRY(const sys::UniqueFd writable, tree_.open(file, O_WRONLY));
    SR_TRY(const sys::SoleOpener proof, sys::SoleOpener::prove(writable.get()));
    tell(tree_.punch(file, writable.get()));
    return {};
}

void Gate::answer(Ticket ticket, bool is_allowed, int code) {
    const int number = std::to_underlying(ticket);
    const auto done = is_allowed ? groups_.opens.allow(number) : groups_.opens.deny(number, code);
    // ENOENT: the opener was killed meanwhile.
    if (!done && done.error().code != ENOENT) owner_.on_trouble(done.error());
    if (std::cmp_less(number, ledger_.count())) ledger_.strike(ticket);
    // Only after the answer may the number be used again.
    if (foreign_.erase(ticket) == 0) sys::UniqueFd(number).reset();
}

void Gate::tell(const Result<void>& done) {
    if (!done) owner_.on_trouble(done.error());
}

}  // namespace shardrun::gate
