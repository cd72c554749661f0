// The fetcher's own process: directories, many jobs at once, what is asked of it meanwhile.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "fault_server.h"

#include "fetcher/blob_place.h"
#include "world.h"

namespace shardrun::test {
namespace {

using namespace fetcher;
using Then = HttpAnswer::Then;

const Bytes kBlob = noise(100'000, 1);

std::map<std::string, std::string> status_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    std::map<std::string, std::string> status;
    for (std::string name, value; std::getline(file, name, '\t') && std::getline(file, value);)
        status[name] = value;
    return status;
}

TEST_CASE("blobs of every size come from a directory, in both layouts") {
    const TempDir folder;
    FetchWorld world(quick({folder.path("")}));
    std::uint64_t seed = 0;
    for (const std::size_t size : {0U, 1U, 262'143U, 262'144U, 262'145U, 5'000'001U}) {
        for (const Layout layout : {Layout::store, Layout::oci}) {
            CAPTURE(size);
            const Bytes bytes = noise(size, ++seed);
            put_blob(folder.path(""), bytes, bytes, layout);
            const Report report = world.fetch_bytes(bytes, seed % 2 == 0);
            CHECK(report.outcome == Outcome::complete);
            if (size > 0) CHECK(report.attempts == (layout == Layout::store ? 1 : 2));
        }
    }
}

TEST_CASE("several origins are asked in their order, of either kind") {
    const TempDir first;
    const TempDir third;
    put_blob(third.path(""), kBlob, kBlob);
    FaultServer second([](const auto&, auto) { return answer_with("404 No", "", ""); });
    FetchWorld world(quick({first.path("."), second.url(), third.path(".")}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.origin == 2);
    CHECK(report.attempts == 5);
    CHECK(report.reason == "origin '" + first.path(".") + "': does not have it; origin '" +
                               second.url() + "': does not have it (HTTP status 404)");
}

TEST_CASE("a directory's wrong, longer, shorter and unreadable files are each told") {
    const TempDir folder;
    FetchWorld world(quick({folder.path("")}));
    const auto outcome_of = [&](const Bytes& contents) {
        put_blob(folder.path(""), kBlob, contents);
        return world.fetch_bytes(kBlob).outcome;
    };
    CHECK(outcome_of(noise(100'000, 2)) == Outcome::wrong_digest);
    CHECK(outcome_of(noise(100'001, 2)) == Outcome::wrong_digest);
    CHECK(outcome_of(noise(99'999, 2)) == Outcome::wrong_digest);
    FetchOrder order = order_for(kBlob, false);
    order.size_max_bytes = 1000;
    CHECK(world.fetch(order).outcome == Outcome::too_large);
    const std::string path = folder.path(path_of(blob::digest_of(kBlob), 0));
    std::filesystem::remove(path);
    std::filesystem::create_symlink("/etc/hostname", path);
    CHECK(world.fetch_bytes(kBlob).code == ELOOP);
    std::filesystem::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0644) == 0);
    CHECK(world.fetch_bytes(kBlob).code == EINVAL);
}

TEST_CASE("a directory that cannot be opened is told, and the next origin is asked") {
    const TempDir folder;
    put_blob(folder.path(""), kBlob, kBlob);
    FetchWorld world(quick({folder.path("missing"), folder.path("")}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.reason ==
          "origin '" + folder.path("missing") + "': cannot be opened: No such file or directory");
}

TEST_CASE("without origins nothing is found, and that is said") {
    FetchWorld world(quick({}));
    CHECK(world.fetch_bytes(kBlob).reason == "there is no origin to ask");
}

TEST_CASE("many at once all come, demanded and prefetched, over few connections") {
    std::map<std::string, Bytes> blobs;
    for (std::uint64_t i = 0; i < 100; ++i) {
        Bytes bytes = noise(1 + i * 997, i);
        blobs["/" + path_of(blob::digest_of(bytes), 0)] = std::move(bytes);
    }
    FaultServer server([&](const HttpRequest& request, auto) {
        return answer_with("200 OK", "", text_of(blobs.at(request.path)));
    });
    FetchWorld world(quick({server.url()}));
    std::vector<std::pair<JobId, const Bytes*>> jobs;
    for (const auto& [path, bytes] : blobs) {
        const auto urgency = jobs.size() % 3 == 0 ? Urgency::demand : Urgency::prefetch;
        jobs.emplace_back(world.begin(order_for(bytes, true, urgency)), &bytes);
        if (jobs.size() % 7 == 0) must(world.process().promote(jobs.back().first));
    }
    for (const auto& [job, bytes] : jobs) {
        CHECK(world.await(job).outcome == Outcome::complete);
        CHECK(world.bytes_of(job) == *bytes);
    }
    CHECK(server.requests().size() == 100);
}

TEST_CASE("a demand passes prefetches that wait, and so does one that is promoted") {
    FaultServer server([](const auto&, auto) { return answer_with("200 OK", "", text_of(kBlob)); });
    auto options = quick({server.url()});
    options.transfers_max = 1;
    FetchWorld world(options);
    // Stopped while the orders come, so that it sees them all at once.
    REQUIRE(::kill(world.process().pid(), SIGSTOP) == 0);
    std::vector<JobId> jobs;
    jobs.reserve(6);
    for (int i = 0; i < 5; ++i)
        jobs.push_back(world.begin(order_for(kBlob, true, Urgency::prefetch)));
    must(world.process().promote(jobs[3]));
    jobs.push_back(world.begin(order_for(kBlob)));
    REQUIRE(::kill(world.process().pid(), SIGCONT) == 0);
    const auto promoted = world.await(jobs[3]).elapsed_ns;
    const auto demanded = world.await(jobs[5]).elapsed_ns;
    const auto last = world.await(jobs[4]).elapsed_ns;
    CHECK(promoted < last);
    CHECK(demanded < last);
}

TEST_CASE("a cancelled job ends as cancelled, under way or waiting; one unknown is ignored") {
    FaultServer server(
        [](const auto&, auto) { return cut_answer(text_of(kBlob), 40'000, Then::stall); });
    auto options = quick({server.url()});
    options.transfers_max = 1;
    options.stall_time = std::chrono::seconds(600);
    FetchWorld world(options);
    const JobId running = world.begin(order_for(kBlob));
    const JobId waiting = world.begin(order_for(kBlob));
    for (const JobId job : {waiting, JobId{4711}, running}) must(world.process().cancel(job));
    CHECK(world.await(waiting).outcome == Outcome::cancelled);
    CHECK(world.await(running).outcome == Outcome::cancelled);
    CHECK(world.process().jobs_under_way() == 0);
}

TEST_CASE("when a job is reported nobody but us has its file") {
    const TempDir folder;
    put_blob(folder.path(""), kBlob, kBlob);
    FetchWorld world(quick({folder.path("")}));
    const std::string target = folder.path("target");
    const UniqueFd ours(::open(target.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
    for (std::uint64_t i = 1; i <= 50; ++i) {
        REQUIRE(::ftruncate(ours.get(), 0) == 0);
        FetchOrder order = order_for(kBlob);
        order.job = JobId{1000 + i};
        must(world.process().fetch(order, UniqueFd(::open(target.c_str(), O_RDWR | O_CLOEXEC))));
        REQUIRE(world.await(order.job).outcome == Outcome::complete);
        // Granted only if nobody else has it open.
        CHECK(::fcntl(ours.get(), F_SETLEASE, F_WRLCK) == 0);
        CHECK(::fcntl(ours.get(), F_SETLEASE, F_UNLCK) == 0);
    }
}

TEST_CASE("a file that cannot be written ends the job with its reason") {
    const TempDir folder;
    put_blob(folder.path(""), kBlob, kBlob);
    FetchWorld world(quick({folder.path("")}));
    UniqueFd file(::memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    REQUIRE(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW) == 0);
    FetchOrder order = order_for(kBlob);
    order.job = JobId{900};
    must(world.process().fetch(order, std::move(file)));
    const Report report = world.await(JobId{900});
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.code == EPERM);
}

TEST_CASE("an order whose file it cannot hold fails with EMFILE, and nothing else does") {
    const TempDir folder;
    put_blob(folder.path(""), kBlob, kBlob);
    FetchWorld world(quick({folder.path("")}));
    REQUIRE(world.fetch_bytes(kBlob).outcome == Outcome::complete);
    const rlimit none{4, 4};
    REQUIRE(::prlimit(world.process().pid(), RLIMIT_NOFILE, &none, nullptr) == 0);
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.code == EMFILE);
}

TEST_CASE("beyond its bound the fetcher takes no more prefetches, and then no more demands") {
    const TempDir folder;
    put_blob(folder.path(""), kBlob, kBlob);
    FetchWorld world(quick({folder.path("")}), 4);
    REQUIRE(::kill(world.process().pid(), SIGSTOP) == 0);
    std::uint64_t number = 100;
    const auto try_fetch = [&](Urgency urgency) {
        FetchOrder order = order_for(kBlob, true, urgency);
        order.job = JobId{++number};
        const auto done = world.process().fetch(order, UniqueFd(::memfd_create("x", MFD_CLOEXEC)));
        return done ? 0 : done.error().code;
    };
    for (int i = 0; i < 3; ++i) CHECK(try_fetch(Urgency::prefetch) == 0);
    CHECK(try_fetch(Urgency::prefetch) == EAGAIN);
    CHECK(try_fetch(Urgency::demand) == 0);
    CHECK(try_fetch(Urgency::demand) == EAGAIN);
    REQUIRE(::kill(world.process().pid(), SIGCONT) == 0);
    CHECK(world.await(JobId{105}).outcome == Outcome::complete);
}

TEST_CASE("a name is looked up within its confinement") {
    FaultServer server([](const auto&, auto) { return answer_with("200 OK", "", text_of(kBlob)); });
    FetchWorld world(quick({fmt::format("http://localhost:{}", server.port())}));
    CHECK(world.fetch_bytes(kBlob).outcome == Outcome::complete);
}

TEST_CASE("when the fetcher is killed that is told") {
    FetchWorld world(quick({}));
    REQUIRE(::kill(world.process().pid(), SIGKILL) == 0);
    pollfd ready{world.process().fd(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 20'000) == 1);
    const auto reports = world.process().next_reports();
    CHECK(reports.error().code == EPIPE);
    CHECK(reports.error().message == "the fetcher is gone");
}

TEST_CASE("as another user it fetches all the same, without any capability" *
          doctest::skip(::geteuid() != 0)) {
    FaultServer server([](const auto&, auto) { return answer_with("200 OK", "", text_of(kBlob)); });
    constexpr uid_t kNobody = 65534;
    FetchWorld world(quick({fmt::format("http://localhost:{}", server.port())}), 256, kNobody);
    CHECK(world.fetch_bytes(kBlob).outcome == Outcome::complete);
    const auto status = status_of(world.process().pid());
    CHECK(status.at("Uid:") == "65534\t65534\t65534\t65534");
    for (const char* set : {"CapPrm:", "CapEff:", "CapAmb:"})
        CHECK(status.at(set) == "0000000000000000");
}

TEST_CASE("the fetcher is confined, unreadable for others, and gains nothing by an exec") {
    FetchWorld world(quick({}));
    (void)world.fetch_bytes(kBlob);
    auto status = status_of(world.process().pid());
    CHECK(status["NoNewPrivs:"] == "1");
    CHECK(status["Seccomp:"] == "2");
    rlimit core{1, 1};
    REQUIRE(::prlimit(world.process().pid(), RLIMIT_CORE, nullptr, &core) == 0);
    CHECK(core.rlim_max == 0);
}

}  // namespace
}  // namespace shardrun::test
