// What the gate costs, each beside its floor in the same run:
//
//     bench-gate [FILES]
//
// A tree's placeholders beside empty files; an open that waits beside a bare round trip between two
// processes; the open of a filled file beside one that was never gated.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "base/fail.h"
#include "gate/gate.h"
#include "sys/detached_tmpfs.h"
#include "sys/event_loop.h"
#include "sys/real_clock.h"
#include "sys/seqpacket.h"

namespace shardrun::bench {
namespace {

constexpr std::uint32_t kPerDirectory = 100;
constexpr std::size_t kRounds = 5;

double now_us() {
    timespec now{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

template <class T>
T must(Result<T> result) {
    if (!result) {
        (void)std::fprintf(stderr, "bench-gate: %s\n", result.error().message.c_str());
        ::_exit(1);
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

std::vector<gate::Entry> make_entries(std::uint32_t count) {
    std::vector<gate::Entry> entries;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::string directory = std::to_string(i / kPerDirectory);
        if (i % kPerDirectory == 0)
            entries.push_back({.path = directory,
                               .type = gate::EntryType::directory,
                               .mode = 0755,
                               .mtime = {},
                               .target = ""});
        entries.push_back({.path = directory + "/" + std::to_string(i),
                           .size_bytes = 4096,
                           .mode = 0644,
                           .mtime = {1000, 0},
                           .target = ""});
    }
    return entries;
}

double create_empty_files(const std::vector<gate::Entry>& entries) {
    const sys::UniqueFd root =
        must(sys::make_detached_tmpfs("bench", {std::uint64_t{1} << 30U, entries.size() + 2}));
    const double begin = now_us();
    for (const gate::Entry& entry : entries) {
        if (entry.type == gate::EntryType::directory)
            (void)::mkdirat(root.get(), entry.path.c_str(), 0755);
        else
            sys::UniqueFd(
                ::openat(root.get(), entry.path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644))
                .reset();
    }
    return now_us() - begin;
}

double build_tree(std::vector<gate::Entry> entries) {
    const sys::FanotifyGroup group = must(sys::FanotifyGroup::create(sys::FanotifyUse::permission));
    const double begin = now_us();
    const gate::Tree tree =
        must(gate::Tree::build(std::make_shared<const std::vector<gate::Entry>>(std::move(entries)),
                               {std::uint64_t{1} << 30U, ""}, group));
    return now_us() - begin;
}

/// Fills at once: what is measured is the gate.
class Owner : public gate::GateOwner {
 public:
    Result<void> start_fill(gate::FileId file, gate::Urgency, sys::UniqueFd destination) override {
        static const std::array<char, 4096> kBytes{'x'};
        (void)!::pwrite(destination.get(), kBytes.data(), kBytes.size(), 0);
        destination.reset();
        gate_->end_fill(file, gate::FillVerdict::complete, 0);
        return {};
    }
    void promote_fill(gate::FileId) override {}
    void cancel_fill(gate::FileId) override {}
    void on_first_open(gate::FileId, gate::Found) override {}
    void on_trouble(const Error& error) override {
        (void)std::fprintf(stderr, "bench-gate: %s\n", error.message.c_str());
    }

    [[noreturn]] void serve(std::vector<gate::Entry> entries, int control) {
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
        sys::RealClock clock;
        const auto loop = must(sys::EventLoop::create(clock));
        gate_ = must(gate::Gate::create(
            *loop, std::make_shared<const std::vector<gate::Entry>>(std::move(entries)),
            {std::uint64_t{1} << 30U, ""}, {}, *this));
        const sys::UniqueFd clone = must(gate_->tree().clone_for_shard());
        const std::array fds{clone.get()};
        const char ready = 'r';
        const std::array<std::span<const std::byte>, 1> parts{sys::bytes_of(ready)};
        must(sys::send_packet(control, parts, fds));
        while (true) (void)must(loop->run_once());
    }

 private:
    std::unique_ptr<gate::Gate> gate_;
};

double open_us(int root, const std::string& path) {
    const double begin = now_us();
    const sys::UniqueFd file(::openat(root, path.c_str(), O_RDONLY | O_CLOEXEC));
    const double elapsed = now_us() - begin;
    if (!file)
        (void)std::fprintf(stderr, "bench-gate: %s: %s\n", path.c_str(), errno_text(errno).c_str());
    return elapsed;
}

/// One packet to another process and back.
std::vector<double> ping_pong(std::size_t count) {
    sys::PacketPair pair = must(sys::make_packet_pair());
    const pid_t peer = ::fork();
    std::array<char, 64> packet{};
    if (peer == 0) {
        pair.own.reset();
        while (::recv(pair.peer.get(), packet.data(), packet.size(), 0) > 0)
            (void)::send(pair.peer.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
        ::_exit(0);
    }
    std::vector<double> times;
    for (std::size_t i = 0; i < count; ++i) {
        const double begin = now_us();
        (void)::send(pair.own.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
        (void)::recv(pair.own.get(), packet.data(), packet.size(), 0);
        times.push_back(now_us() - begin);
    }
    pair.own.reset();
    pair.peer.reset();
    (void)::waitpid(peer, nullptr, 0);
    return times;
}

void compare_trees(std::uint32_t count) {
    const auto entries = make_entries(count);
    std::vector<double> empty;
    std::vector<double> tree;
    for (std::size_t i = 0; i < kRounds; ++i) {
        empty.push_back(create_empty_files(entries) / count);
        tree.push_back(build_tree(entries) / count);
    }
    std::printf(
        "a placeholder with its mark    %8.2f us    an empty file    %8.2f us    ratio %.2f\n",
        median(tree), median(empty), median(tree) / median(empty));
}

void compare_opens(std::uint32_t count) {
    auto entries = make_entries(count);
    entries.push_back(
        {.path = "once-gated!", .size_bytes = 1, .mode = 0644, .mtime = {}, .target = ""});
    entries.push_back({.path = "never-gated", .mode = 0644, .mtime = {}, .target = ""});
    sys::PacketPair pair = must(sys::make_packet_pair());
    const pid_t server = ::fork();
    if (server == 0) Owner().serve(entries, pair.peer.get());
    pair.peer.reset();
    sys::Packet packet;
    while (packet.fds.empty()) packet = must(sys::receive_packet(pair.own.get(), 1));
    const int root = packet.fds.front().get();

    std::vector<double> demanded;
    std::vector<double> filled;
    std::vector<double> free;
    for (const gate::Entry& entry : entries)
        if (entry.size_bytes > 0) demanded.push_back(open_us(root, entry.path));
    for (const gate::Entry& entry : entries) {
        if (entry.size_bytes == 0) continue;
        filled.push_back(open_us(root, "once-gated!"));
        free.push_back(open_us(root, "never-gated"));
    }
    const double round_trip = median(ping_pong(count));
    std::printf(
        "an open that waits, 4 KiB fill %8.2f us    a round trip     %8.2f us    ratio %.2f\n",
        median(demanded), round_trip, median(demanded) / round_trip);
    std::printf(
        "an open of a filled file       %8.2f us    never gated      %8.2f us    ratio %.2f\n",
        median(filled), median(free), median(filled) / median(free));
    (void)::kill(server, SIGKILL);
    (void)::waitpid(server, nullptr, 0);
}

}  // namespace
}  // namespace shardrun::bench

int main(int argc, char** argv) {
    std::uint32_t count = 10'000;
    if (argc == 2) {
        const std::string_view text = argv[1];
        (void)std::from_chars(text.data(), text.data() + text.size(), count);
    }
    shardrun::bench::compare_trees(count);
    (void)std::fflush(stdout);
    shardrun::bench::compare_opens(count);
    return 0;
}
