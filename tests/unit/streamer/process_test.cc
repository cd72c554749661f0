// The streamer's own process, with files of ours. Nothing here needs root.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "base/rng.h"
#include "streamer/streamer_process.h"
#include "support/temp_dir.h"
#include "sys/file_io.h"

namespace shardrun::streamer {
namespace {

using Bytes = std::vector<std::byte>;

Bytes noise(std::size_t size, std::uint64_t seed) {
    Rng rng(seed);
    Bytes bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(1 + rng.below(255));
    return bytes;
}

template <class T>
T must(Result<T> result) {
    if (!result) FAIL(result.error().message);
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// A streamer, sources in a directory, destinations in memory.
class World {
 public:
    explicit World(StreamerConfig config = {}) {
        const char* const program = std::getenv("SHARDRUN_STREAMER");
        REQUIRE(program != nullptr);
        config.program = program;
        streamer_ = std::make_unique<StreamerProcess>(must(StreamerProcess::start(config)));
    }

    StreamerProcess& streamer() { return *streamer_; }

    /// On disk, and in the page cache only if it is warm.
    std::string source(const Bytes& bytes, bool is_warm) {
        const std::string path = folder_.path("source-" + std::to_string(++sources_));
        const UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
        must(sys::write_all(file.get(), bytes));
        REQUIRE(::fsync(file.get()) == 0);
        if (!is_warm) REQUIRE(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
        return path;
    }

    UniqueFd destination(std::size_t size) {
        UniqueFd memory(::memfd_create("destination", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        REQUIRE(::ftruncate(memory.get(), static_cast<off_t>(size)) == 0);
        return memory;
    }

    /// `written` keeps a descriptor of the destination.
    JobId begin(const std::string& path, const FillOrder& order, UniqueFd& written) {
        FillOrder numbered = order;
        numbered.job = JobId{++jobs_};
        written = destination(order.size_bytes);
        UniqueFd copy(::fcntl(written.get(), F_DUPFD_CLOEXEC, 0));
        UniqueFd source(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        REQUIRE(source);
        must(streamer_->fill(numbered, std::move(source), std::move(copy)));
        return numbered.job;
    }

    Report await(JobId job) {
        while (!reports_.contains(job)) {
            REQUIRE(must(streamer_->flush(), true));
            pollfd ready{streamer_->fd(), POLLIN, 0};
            REQUIRE(::poll(&ready, 1, 20000) == 1);
            for (const Report& report : must(streamer_->next_reports()))
                reports_[report.job] = report;
        }
        return reports_[job];
    }

    Report fill(const std::string& path, const FillOrder& order, UniqueFd& written) {
        return await(begin(path, order, written));
    }

 private:
    static bool must(const Result<void>& done, bool) { return done.has_value(); }
    template <class T>
    static T must(Result<T> result) {
        return streamer::must(std::move(result));
    }

    test::TempDir folder_;
    std::unique_ptr<StreamerProcess> streamer_;
    std::map<JobId, Report> reports_;
    std::uint64_t jobs_ = 0;
    int sources_ = 0;
};

FillOrder order_for(const Bytes& bytes, Urgency urgency = Urgency::demand) {
    return {JobId{}, bytes.size(), blob::digest_of(bytes), urgency};
}

Bytes bytes_of(const UniqueFd& file, std::size_t size) {
    Bytes bytes(size);
    REQUIRE(must(sys::read_at(file.get(), bytes, 0)) == size);
    return bytes;
}

// Sizes around those that the code treats differently.
constexpr std::size_t kSizes[] = {0,     1,      4095,   4096,   4097,      16384,   16385,
                                  65536, 262143, 262144, 262145, 1'000'000, 2097152, 5'000'001};

TEST_CASE(
    "files of every size arrive whole, warm and cold, demanded and prefetched, with and without a "
    "ring") {
    for (const bool has_ring : {true, false}) {
        World world({.program = "", .has_ring = has_ring});
        std::uint64_t seed = 0;
        for (const bool is_warm : {true, false}) {
            for (const Urgency urgency : {Urgency::demand, Urgency::prefetch}) {
                for (const std::size_t size : kSizes) {
                    CAPTURE(size);
                    CAPTURE(is_warm);
                    const Bytes bytes = noise(size, ++seed);
                    UniqueFd written;
                    const Report report = world.fill(world.source(bytes, is_warm),
                                                     order_for(bytes, urgency), written);
                    CHECK(report.outcome == Outcome::complete);
                    CHECK(report.written_bytes == size);
                    CHECK(bytes_of(written, size) == bytes);
                }
            }
        }
        CHECK(world.streamer().jobs_under_way() == 0);
    }
}

TEST_CASE("a wrong digest is told as such, even of one bit") {
    World world;
    Bytes bytes = noise(300'000, 1);
    const FillOrder order = order_for(bytes);
    bytes[299'999] ^= std::byte{1};
    UniqueFd written;
    CHECK(world.fill(world.source(bytes, true), order, written).outcome == Outcome::wrong_digest);
    CHECK(world.fill(world.source(bytes, false), order, written).outcome == Outcome::wrong_digest);
}

TEST_CASE("a source that is shorter or longer by a byte has the wrong size") {
    World world;
    const Bytes bytes = noise(100'000, 1);
    UniqueFd written;
    for (const int change : {-1, 1}) {
        FillOrder order = order_for(bytes);
        order.size_bytes = static_cast<std::uint64_t>(100'000 + change);
        CHECK(world.fill(world.source(bytes, true), order, written).outcome == Outcome::wrong_size);
    }
}

TEST_CASE("what cannot be written is told with its reason") {
    World world;
    const Bytes bytes = noise(100'000, 1);
    const UniqueFd sealed = world.destination(0);
    REQUIRE(::fcntl(sealed.get(), F_ADD_SEALS, F_SEAL_GROW) == 0);
    FillOrder order = order_for(bytes);
    order.job = JobId{900};
    UniqueFd source(::open(world.source(bytes, true).c_str(), O_RDONLY | O_CLOEXEC));
    must(world.streamer().fill(order, std::move(source),
                               UniqueFd(::fcntl(sealed.get(), F_DUPFD_CLOEXEC, 0))));
    const Report report = world.await(JobId{900});
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.code == EPERM);
}

TEST_CASE("a source that is no file, or cannot be read, fails") {
    World world;
    const FillOrder order{JobId{901}, 10, {}, Urgency::demand};
    must(world.streamer().fill(order, UniqueFd(::open("/dev/zero", O_RDONLY | O_CLOEXEC)),
                               world.destination(10)));
    CHECK(world.await(JobId{901}).code == EINVAL);
    const Bytes bytes = noise(10, 1);
    FillOrder unreadable = order_for(bytes);
    unreadable.job = JobId{902};
    must(world.streamer().fill(
        unreadable, UniqueFd(::open(world.source(bytes, true).c_str(), O_WRONLY | O_CLOEXEC)),
        world.destination(10)));
    CHECK(world.await(JobId{902}).code == EBADF);
}

TEST_CASE("when a job is reported nobody but us has its destination") {
    World world;
    const Bytes bytes = noise(50'000, 1);
    const std::string path = world.source(bytes, true);
    const test::TempDir folder;
    const std::string target = folder.path("target");
    const UniqueFd ours(::open(target.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
    for (std::uint64_t i = 1; i <= 200; ++i) {
        FillOrder order = order_for(bytes, i % 2 == 0 ? Urgency::demand : Urgency::prefetch);
        order.job = JobId{1000 + i};
        must(world.streamer().fill(order, UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
                                   UniqueFd(::open(target.c_str(), O_WRONLY | O_CLOEXEC))));
        REQUIRE(world.await(order.job).outcome == Outcome::complete);
        // Granted only if nobody else has it open.
        CHECK(::fcntl(ours.get(), F_SETLEASE, F_WRLCK) == 0);
        CHECK(::fcntl(ours.get(), F_SETLEASE, F_UNLCK) == 0);
    }
}

TEST_CASE("many at once all arrive, in whatever order") {
    World world({.program = "", .prefetch_workers = 3});
    std::vector<std::pair<JobId, UniqueFd>> jobs;
    std::vector<Bytes> contents;
    for (std::uint64_t i = 0; i < 300; ++i) {
        contents.push_back(noise(1 + i * i % 90'000, i));
        const auto urgency = i % 3 == 0 ? Urgency::demand : Urgency::prefetch;
        UniqueFd written;
        const JobId job = world.begin(world.source(contents.back(), i % 2 == 0),
                                      order_for(contents.back(), urgency), written);
        jobs.emplace_back(job, std::move(written));
        if (i % 7 == 0) must(world.streamer().promote(job));
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        CHECK(world.await(jobs[i].first).outcome == Outcome::complete);
        CHECK(bytes_of(jobs[i].second, contents[i].size()) == contents[i]);
    }
}

TEST_CASE("a large prefetch that is promoted under way goes on where it was, and arrives") {
    World world;
    const Bytes bytes = noise(std::size_t{64} << 20U, 1);
    for (const bool is_warm : {true, false}) {
        UniqueFd written;
        const JobId job =
            world.begin(world.source(bytes, is_warm), order_for(bytes, Urgency::prefetch), written);
        must(world.streamer().promote(job));
        CHECK(world.await(job).outcome == Outcome::complete);
        CHECK(bytes_of(written, bytes.size()) == bytes);
    }
}

TEST_CASE(
    "a cancelled job ends as cancelled or, if it was quicker, complete; one unknown is ignored") {
    World world;
    const Bytes bytes = noise(std::size_t{64} << 20U, 1);
    UniqueFd written;
    const JobId first =
        world.begin(world.source(bytes, true), order_for(bytes, Urgency::prefetch), written);
    UniqueFd second_written;
    const JobId second =
        world.begin(world.source(bytes, true), order_for(bytes, Urgency::prefetch), second_written);
    must(world.streamer().cancel(second));
    must(world.streamer().cancel(JobId{4711}));
    CHECK(world.await(second).outcome == Outcome::cancelled);
    CHECK(world.await(first).outcome == Outcome::complete);
}

TEST_CASE("a small demand does not wait for the end of a large one") {
    World world;
    const Bytes large = noise(std::size_t{64} << 20U, 1);
    const Bytes small = noise(4096, 2);
    UniqueFd large_written;
    UniqueFd small_written;
    const JobId slow = world.begin(world.source(large, true), order_for(large), large_written);
    const JobId quick = world.begin(world.source(small, true), order_for(small), small_written);
    const Report quick_report = world.await(quick);
    const Report slow_report = world.await(slow);
    CHECK(quick_report.elapsed_ns * 4 < slow_report.elapsed_ns);
}

TEST_CASE("beyond its bound it takes no more prefetches, and then no more demands") {
    World world({.program = "", .jobs_max = 8});
    REQUIRE(::kill(world.streamer().pid(), SIGSTOP) == 0);
    const Bytes bytes = noise(100, 1);
    const std::string path = world.source(bytes, true);
    const auto try_fill = [&](Urgency urgency, std::uint64_t number) {
        FillOrder order = order_for(bytes, urgency);
        order.job = JobId{number};
        const auto done = world.streamer().fill(
            order, UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), world.destination(100));
        return done ? 0 : done.error().code;
    };
    for (std::uint64_t i = 0; i < 6; ++i) CHECK(try_fill(Urgency::prefetch, 100 + i) == 0);
    CHECK(try_fill(Urgency::prefetch, 200) == EAGAIN);
    CHECK(try_fill(Urgency::demand, 201) == 0);
    CHECK(try_fill(Urgency::demand, 202) == 0);
    CHECK(try_fill(Urgency::demand, 203) == EAGAIN);
    REQUIRE(::kill(world.streamer().pid(), SIGCONT) == 0);
    CHECK(world.await(JobId{105}).outcome == Outcome::complete);
    CHECK(world.await(JobId{202}).outcome == Outcome::complete);
}

TEST_CASE("an order whose descriptors it cannot hold fails with EMFILE, and nothing else does") {
    World world;
    const Bytes bytes = noise(1000, 1);
    const std::string path = world.source(bytes, true);
    UniqueFd written;
    REQUIRE(world.fill(path, order_for(bytes), written).outcome == Outcome::complete);
    const rlimit none{5, 5};
    REQUIRE(::prlimit(world.streamer().pid(), RLIMIT_NOFILE, &none, nullptr) == 0);
    const Report report = world.fill(path, order_for(bytes), written);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.code == EMFILE);
}

/// From now on it has room for so many descriptors more.
void leave_room(pid_t pid, int count) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd/";
    rlim_t bound = 0;
    while (count > 0)
        if (::faccessat(AT_FDCWD, (folder + std::to_string(bound++)).c_str(), F_OK,
                        AT_SYMLINK_NOFOLLOW) != 0)
            --count;
    const rlimit limit{bound, bound};
    REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0);
}

TEST_CASE("of a packet's orders those whose descriptors it can hold are done, the others fail") {
    World world;
    const Bytes bytes = noise(1000, 1);
    const std::string path = world.source(bytes, true);
    UniqueFd written;
    REQUIRE(world.fill(path, order_for(bytes), written).outcome == Outcome::complete);
    leave_room(world.streamer().pid(), 5);
    std::vector<JobId> jobs;
    std::vector<UniqueFd> destinations(4);
    jobs.reserve(destinations.size());
    for (UniqueFd& each : destinations)
        jobs.push_back(world.begin(path, order_for(bytes, Urgency::prefetch), each));
    CHECK(world.streamer().wants_to_send());
    for (std::size_t i = 0; i < 2; ++i) CHECK(world.await(jobs[i]).outcome == Outcome::complete);
    for (std::size_t i = 2; i < jobs.size(); ++i) CHECK(world.await(jobs[i]).code == EMFILE);
    CHECK(world.fill(path, order_for(bytes), written).outcome == Outcome::complete);
}

TEST_CASE("when it is killed that is told after what it had reported") {
    World world;
    const Bytes bytes = noise(100, 1);
    UniqueFd written;
    CHECK(world.fill(world.source(bytes, true), order_for(bytes), written).outcome ==
          Outcome::complete);
    REQUIRE(::kill(world.streamer().pid(), SIGKILL) == 0);
    pollfd ready{world.streamer().fd(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 20000) == 1);
    CHECK(world.streamer().next_reports().error().code == EPIPE);
}

TEST_CASE("it holds no capability, is confined, and gains nothing by an exec") {
    World world;
    const Bytes bytes = noise(100, 1);
    UniqueFd written;
    (void)world.fill(world.source(bytes, true), order_for(bytes), written);
    std::ifstream file("/proc/" + std::to_string(world.streamer().pid()) + "/status");
    std::map<std::string, std::string> status;
    for (std::string name, value; std::getline(file, name, '\t') && std::getline(file, value);)
        status[name] = value;
    CHECK(status["NoNewPrivs:"] == "1");
    CHECK(status["Seccomp:"] == "2");
}

}  // namespace
}  // namespace shardrun::streamer
