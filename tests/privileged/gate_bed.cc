#include "privileged/gate_bed.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "sys/detached_tmpfs.h"
#include "sys/event_loop.h"
#include "sys/pidfd.h"
#include "sys/real_clock.h"
#include "sys/seqpacket.h"

namespace shardrun::test {
namespace {

using gate::FileId;

struct Question {
    char what;
    std::uint32_t argument;
};

template <class T>
T take(Result<T> result) {
    if (!result) {
        (void)std::fprintf(stderr, "owner: %s\n", result.error().message.c_str());
        ::_exit(99);
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// The owner's process, from its fork to its end.
class Owner : public gate::GateOwner {
 public:
    Owner(const GateBed::Plan& plan, int control)
        : plan_(plan), control_(control), loop_(take(sys::EventLoop::create(clock_))) {}

    void create() {
        gate_ = take(gate::Gate::create(*loop_, shared_entries(), plan_.tree, plan_.gate, *this));
        gate::GateHandles kept = take(gate_->duplicate_handles());
        const sys::UniqueFd clone = take(gate_->tree().clone_for_shard());
        const std::array fds{kept.group.get(), kept.notices.get(), kept.ledger.get(),
                             kept.mount.get(), clone.get()};
        send(0, fds);
    }

    void adopt(gate::GateHandles handles) {
        gate_ = take(gate::Gate::adopt(*loop_, shared_entries(), std::move(handles), plan_.tree,
                                       plan_.gate, *this));
        send(0);
    }

    gate::Entries shared_entries() const {
        return std::make_shared<const std::vector<gate::Entry>>(plan_.entries);
    }

    [[noreturn]] void run() {
        take(loop_->watch(control_, EPOLLIN, [this](std::uint32_t) { on_question(); }));
        while (true) {
            (void)take(loop_->run_once());
            answer_waits();
        }
    }

    Result<void> start_fill(FileId file, gate::Urgency, sys::UniqueFd destination) override {
        ++fills_started_;
        const std::uint32_t id = std::to_underlying(file);
        if (const auto found = plan_.fills.find(id);
            found != plan_.fills.end() && found->second.is_held)
            held_.emplace(id, std::move(destination));
        else
            fill(id, std::move(destination));
        return {};
    }
    void promote_fill(FileId) override {}
    void cancel_fill(FileId) override {}
    void on_first_open(FileId, gate::Found found) override { ++found_[std::to_underlying(found)]; }
    void on_trouble(const Error& error) override {
        ++troubles_;
        (void)std::fprintf(stderr, "owner: %s\n", error.message.c_str());
    }

 private:
    void fill(std::uint32_t id, sys::UniqueFd destination) {
        const auto found = plan_.fills.find(id);
        const FillPlan fill = found == plan_.fills.end() ? FillPlan{} : found->second;
        const std::vector<std::byte> bytes =
            fill.bytes.empty() ? pattern(id, plan_.entries[id].size_bytes) : fill.bytes;
        std::size_t done = 0;
        const std::size_t size = fill.writes_partially ? bytes.size() / 2 : bytes.size();
        while (done < size) {
            const ssize_t written = ::pwrite(destination.get(), bytes.data() + done, size - done,
                                             static_cast<off_t>(done));
            if (written < 0) break;
            done += static_cast<std::size_t>(written);
        }
        const int failed = done < size ? errno : 0;
        destination.reset();
        if (failed != 0) return gate_->end_fill(FileId{id}, gate::FillVerdict::failed, failed);
        gate_->end_fill(FileId{id}, fill.verdict, fill.code);
    }

    void on_question() {
        const sys::Packet packet = take(sys::receive_packet(control_, sizeof(Question)));
        if (packet.is_end) ::_exit(0);
        const auto* question = sys::as_value<Question>(packet);
        if (question == nullptr) return;
        if (question->what == 'w' || question->what == 'f') return waits_.push_back(*question);
        send(reply_to(*question));
    }

    std::uint64_t reply_to(const Question& question) {
        const FileId file{question.argument};
        switch (question.what) {
            case 'p':
                gate_->prefetch(file);
                return 0;
            case 'e': {
                const auto done = gate_->evict(file);
                return done ? 0 : static_cast<std::uint64_t>(done.error().code);
            }
            case 's':
                return static_cast<std::uint64_t>(gate_->state(file));
            case 'r': {
                plan_.fills[question.argument].is_held = false;
                if (auto held = held_.extract(question.argument))
                    fill(question.argument, std::move(held.mapped()));
                return 0;
            }
            case 'c':
                return gate_->waiting_count();
            case 'n':
                return fills_started_;
            case 'h':
                return found_[question.argument];
            case 't':
                return troubles_;
            case 'l':
                held_.clear();
                gate_->lose_filler();
                return 0;
            default:
                return static_cast<std::uint64_t>(
                    std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
        }
    }

    void answer_waits() {
        std::erase_if(waits_, [this](const Question& wait) {
            const bool is_met =
                wait.what == 'w' ? gate_->waiting_count() >= wait.argument
                                 : gate_->state(FileId{wait.argument}) == gate::FileState::filled;
            if (is_met) send(0);
            return is_met;
        });
    }

    void send(std::uint64_t value, std::span<const int> fds = {}) const {
        const std::array<std::span<const std::byte>, 1> parts{sys::bytes_of(value)};
        take(sys::send_packet(control_, parts, fds));
    }

    GateBed::Plan plan_;
    int control_;
    sys::RealClock clock_;
    std::unique_ptr<sys::EventLoop> loop_;
    std::unique_ptr<gate::Gate> gate_;
    std::map<std::uint32_t, sys::UniqueFd> held_;
    std::vector<Question> waits_;
    std::array<std::uint64_t, 3> found_{};
    std::uint64_t fills_started_ = 0;
    std::uint64_t troubles_ = 0;
};

void limit_files(rlim_t files_max) {
    if (files_max == 0) return;
    const rlimit limit{files_max, files_max};
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

std::vector<std::byte> pattern(std::uint32_t file, std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::byte>(1 + (i * 31 + i / 255 + std::size_t{file} * 7) % 255);
    return bytes;
}

Anchor::Anchor() : path_("/var/tmp/shardrun-gate-XXXXXX") {
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
}

Anchor::~Anchor() {
    (void)::umount2(path_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);  // A killed owner leaves it.
    (void)::rmdir(path_.c_str());
}

GateBed::GateBed(Plan plan) : plan_(std::move(plan)) {
    plan_.tree.anchor = anchor_.path();
    start(true);
}

void GateBed::start(bool is_first) {
    auto pair = sys::make_packet_pair();
    REQUIRE(pair);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
        pair->own.reset();
        limit_files(plan_.files_max);
        Owner owner(plan_, pair->peer.get());
        if (is_first)
            owner.create();
        else
            owner.adopt({std::move(handles_.group), std::move(handles_.notices),
                         std::move(handles_.ledger), std::move(handles_.mount)});
        owner.run();
    }
    pair->peer.reset();
    control_ = std::move(pair->own);
    pollfd ready{control_.get(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 20000) == 1);
    auto packet = sys::receive_packet(control_.get(), sizeof(std::uint64_t));
    REQUIRE(packet);
    REQUIRE(!packet->is_end);
    if (!is_first) return;
    REQUIRE(packet->fds.size() == 5);
    handles_ = {std::move(packet->fds[0]), std::move(packet->fds[1]), std::move(packet->fds[2]),
                std::move(packet->fds[3])};
    clone_ = std::move(packet->fds[4]);
}

GateBed::~GateBed() {
    // Our handles keep the gate shut until whoever still waits is gone.
    kill_owner();
}

sys::UniqueFd GateBed::clone() const {
    auto made = sys::clone_read_only(handles_.mount.get());
    REQUIRE(made);
    return *std::move(made);
}

std::uint64_t GateBed::ask(char what, std::uint32_t argument) {
    const Question question{what, argument};
    const std::array<std::span<const std::byte>, 1> parts{sys::bytes_of(question)};
    REQUIRE(sys::send_packet(control_.get(), parts));
    pollfd ready{control_.get(), POLLIN, 0};
    REQUIRE_MESSAGE(::poll(&ready, 1, 20000) == 1, "the owner does not answer '", what, "'");
    const auto packet = sys::receive_packet(control_.get(), sizeof(std::uint64_t));
    REQUIRE(packet);
    const auto* value = sys::as_value<std::uint64_t>(*packet);
    REQUIRE(value != nullptr);
    return *value;
}

void GateBed::kill_owner() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(std::exchange(pid_, -1), nullptr, 0);
    control_.reset();
}

void GateBed::start_owner_again() {
    // The child takes over what it inherits; ours stays.
    start(false);
}

gate::Entry directory(const std::string& path) {
    return {.path = path,
            .type = gate::EntryType::directory,
            .mode = 0755,
            .mtime = {1000, 0},
            .target = ""};
}

gate::Entry file(const std::string& path, std::uint64_t size, mode_t mode) {
    return {.path = path,
            .type = gate::EntryType::file,
            .size_bytes = size,
            .mode = mode,
            .mtime = {1000000000, 123456789},
            .target = ""};
}

gate::Entry hard_link(const std::string& path, const std::string& target) {
    return {.path = path, .type = gate::EntryType::hard_link, .mtime = {}, .target = target};
}

gate::Entry symlink(const std::string& path, const std::string& target) {
    return {.path = path, .type = gate::EntryType::symlink, .mtime = {1000, 0}, .target = target};
}

Child::Child(const std::function<int()>& work) : pid_(::fork()) {
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::_exit(work());
    }
    auto pidfd = sys::open_pidfd(pid_);
    REQUIRE(pidfd);
    pidfd_ = *std::move(pidfd);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      status_(other.status_) {}

Child::~Child() {
    if (pid_ > 0 && !status_) kill();
}

bool Child::reap(int flags) {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, flags) == pid_)
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return status_.has_value();
}

bool Child::is_running() {
    return !reap(WNOHANG);
}

int Child::wait() {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    if (!status_ && ::poll(&ended, 1, 10000) != 1) return -2;
    (void)reap(0);
    return *status_;
}

void Child::kill() {
    (void)::kill(pid_, SIGKILL);
    (void)reap(0);
}

int read_and_compare(int root, const std::string& path, const std::vector<std::byte>& expected) {
    const sys::UniqueFd opened(::openat(root, path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened) return std::min(255, 100 + errno);
    std::vector<std::byte> bytes(expected.size() + 1);
    std::size_t done = 0;
    while (true) {
        const ssize_t size = ::read(opened.get(), bytes.data() + done, bytes.size() - done);
        if (size <= 0) break;
        done += static_cast<std::size_t>(size);
    }
    bytes.resize(done);
    if (bytes == expected) return 0;
    return std::ranges::find(bytes, std::byte{0}) != bytes.end() ? 2 : 1;
}

}  // namespace shardrun::test
