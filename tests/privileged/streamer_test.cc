// The streamer as another user, filling a gated tree.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>

#include "base/rng.h"
#include "gate/gate.h"
#include "privileged/gate_bed.h"
#include "privileged/needs.h"
#include "streamer/streamer_process.h"
#include "support/temp_dir.h"
#include "sys/event_loop.h"
#include "sys/file_io.h"
#include "sys/real_clock.h"
#include "sys/seqpacket.h"
#include "trees/verdict.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

constexpr uid_t kStreamerUid = 64123;
constexpr std::uint32_t kFiles = 60;

std::size_t size_of(std::uint32_t id) {
    return 1 + std::size_t{id} * id * 97;
}

std::string path_of(const TempDir& store, std::uint32_t id) {
    return store.path("blob-" + std::to_string(id));
}

/// Gate and streamer in one loop, as a supervisor has them. Runs in a child and ends with it.
class Server : public gate::GateOwner {
 public:
    Server(const TempDir& store, const std::string& anchor, int control)
        : store_(store), control_(control) {
        loop_ = must(sys::EventLoop::create(clock_));
        start_streamer();
        std::vector<gate::Entry> entries;
        for (std::uint32_t id = 0; id < kFiles; ++id)
            entries.push_back(file(std::to_string(id), size_of(id)));
        gate_ = must(gate::Gate::create(
            *loop_, std::make_shared<const std::vector<gate::Entry>>(std::move(entries)),
            {std::uint64_t{1} << 30U, anchor}, {}, *this));
        const sys::UniqueFd clone = must(gate_->tree().clone_for_shard());
        const pid_t pid = streamer_->pid();
        const std::array fds{clone.get()};
        const std::array<std::span<const std::byte>, 1> parts{sys::bytes_of(pid)};
        must(sys::send_packet(control_, parts, fds));
    }

    [[noreturn]] void run() {
        must(loop_->watch(control_, EPOLLIN, [](std::uint32_t) { ::_exit(0); }));
        for (std::uint32_t id = 0; id < kFiles; id += 2) gate_->prefetch(gate::FileId{id});
        while (true) must(loop_->run_once());
    }

    Result<void> start_fill(gate::FileId id, gate::Urgency urgency,
                            sys::UniqueFd destination) override {
        const std::uint32_t number = std::to_underlying(id);
        sys::UniqueFd source(::open(path_of(store_, number).c_str(), O_RDONLY | O_CLOEXEC));
        if (!source) return std::unexpected(Error{errno, "open a blob"});
        const streamer::FillOrder order{streamer::JobId{number}, size_of(number),
                                        blob::digest_of(pattern(number, size_of(number))),
                                        streamer::Urgency{std::to_underlying(urgency)}};
        return streamer_->fill(order, std::move(source), std::move(destination));
    }
    void promote_fill(gate::FileId id) override {
        (void)streamer_->promote(streamer::JobId{std::to_underlying(id)});
    }
    void cancel_fill(gate::FileId id) override {
        (void)streamer_->cancel(streamer::JobId{std::to_underlying(id)});
    }
    void on_first_open(gate::FileId, gate::Found) override {}
    void on_trouble(const Error& error) override {
        (void)std::fprintf(stderr, "server: %s\n", error.message.c_str());
    }

 private:
    template <class T>
    static T must(Result<T> result) {
        if (!result) {
            (void)std::fprintf(stderr, "server: %s\n", result.error().message.c_str());
            ::_exit(99);
        }
        if constexpr (!std::is_void_v<T>) return *std::move(result);
    }

    void start_streamer() {
        const char* const program = std::getenv("SHARDRUN_STREAMER");
        streamer_.emplace(must(streamer::StreamerProcess::start(
            {.program = program, .uid = kStreamerUid, .gid = kStreamerUid})));
        must(loop_->watch(streamer_->fd(), EPOLLIN, [this](std::uint32_t) { on_reports(); }));
    }

    void on_reports() {
        auto reports = streamer_->next_reports();
        if (!reports) {
            loop_->forget(streamer_->fd());
            streamer_->end();
            start_streamer();
            return gate_->lose_filler();
        }
        for (const streamer::Report& report : *reports) {
            const auto number = static_cast<std::uint32_t>(std::to_underlying(report.job));
            gate_->end_fill(gate::FileId{number}, trees::verdict_of(report.outcome), report.code);
        }
    }

    const TempDir& store_;
    int control_;
    sys::RealClock clock_;
    std::unique_ptr<sys::EventLoop> loop_;
    std::optional<streamer::StreamerProcess> streamer_;
    std::unique_ptr<gate::Gate> gate_;
};

/// A store of kFiles blobs and a server in a process of its own.
struct ServedTree {
    TempDir store;
    Anchor anchor;
    sys::UniqueFd control;
    sys::UniqueFd root;
    pid_t streamer = -1;
    std::optional<Child> server;

    explicit ServedTree(std::optional<std::uint32_t> damaged = {}) {
        for (std::uint32_t id = 0; id < kFiles; ++id) {
            auto bytes = pattern(id, size_of(id));
            if (damaged == id) bytes.back() ^= std::byte{1};
            const sys::UniqueFd out(
                ::open(path_of(store, id).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
            REQUIRE(sys::write_all(out.get(), bytes));
            if (id % 3 == 0) {
                REQUIRE(::fsync(out.get()) == 0);
                (void)::posix_fadvise(out.get(), 0, 0, POSIX_FADV_DONTNEED);
            }
        }
    }

    void start() {
        auto pair = sys::make_packet_pair();
        REQUIRE(pair);
        server.emplace([&] {
            pair->own.reset();
            Server(store, anchor.path(), pair->peer.get()).run();
            return 0;
        });
        pair->peer.reset();
        control = std::move(pair->own);
        pollfd ready{control.get(), POLLIN, 0};
        REQUIRE(::poll(&ready, 1, 20000) == 1);
        auto packet = sys::receive_packet(control.get(), sizeof(pid_t));
        REQUIRE(packet);
        const auto* const pid = sys::as_value<pid_t>(*packet);
        REQUIRE(pid != nullptr);
        streamer = *pid;
        root = std::move(packet->fds.at(0));
    }

    Child reader(std::uint32_t id) const {
        return Child([this, id] {
            return read_and_compare(root.get(), std::to_string(id), pattern(id, size_of(id)));
        });
    }
};

TEST_CASE("a tree that the streamer fills has every byte of its blobs, demanded and prefetched") {
    ServedTree tree;
    tree.start();
    for (std::uint32_t id = 0; id < kFiles; ++id) CHECK(tree.reader(id).wait() == 0);
}

TEST_CASE("a blob that is damaged in the store is denied, all others are served") {
    ServedTree tree(41);
    tree.start();
    for (std::uint32_t id = 0; id < kFiles; ++id) {
        const int status = tree.reader(id).wait();
        if (id == 41)
            CHECK((status == 100 + EIO || status == 100 + EPERM));
        else
            CHECK(status == 0);
    }
}

TEST_CASE("a streamer that is killed is replaced, and whoever waited gets right bytes") {
    for (int round = 0; round < 10; ++round) {
        ServedTree tree;
        tree.start();
        std::vector<Child> children;
        for (std::uint32_t id = 0; id < kFiles; ++id) children.push_back(tree.reader(id));
        REQUIRE(::kill(tree.streamer, SIGKILL) == 0);
        for (Child& child : children) CHECK(child.wait() == 0);
    }
}

TEST_CASE("the streamer is another user without capabilities, confined, with no file of ours") {
    ServedTree tree;
    tree.start();
    CHECK(tree.reader(1).wait() == 0);
    std::ifstream file("/proc/" + std::to_string(tree.streamer) + "/status");
    std::map<std::string, std::string> status;
    for (std::string name, value; std::getline(file, name, '\t') && std::getline(file, value);)
        status[name] = value;
    CHECK(status["Uid:"] == "64123\t64123\t64123\t64123");
    CHECK(status["Groups:"].find_first_not_of(' ') == std::string::npos);
    CHECK(std::stoull(status["CapPrm:"], nullptr, 16) == 0);
    CHECK(std::stoull(status["CapEff:"], nullptr, 16) == 0);
    CHECK(status["NoNewPrivs:"] == "1");
    CHECK(status["Seccomp:"] == "2");
}

}  // namespace
}  // namespace shardrun::test
