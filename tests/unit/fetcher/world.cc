#include "world.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include <cstdlib>
#include <fstream>

#include "base/rng.h"
#include "fetcher/blob_place.h"
#include "sys/file_io.h"

namespace shardrun::test {

using namespace fetcher;

Bytes noise(std::size_t size, std::uint64_t seed) {
    Rng rng(seed);
    Bytes bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.below(256));
    return bytes;
}

std::string text_of(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

FetchOptions quick(const std::vector<std::string>& origins) {
    using std::chrono::milliseconds;
    FetchOptions options;
    for (const std::string& origin : origins) options.origins.push_back(must(parse_origin(origin)));
    options.retry = {.attempts_max = 3,
                     .backoff_first = milliseconds(1),
                     .backoff_max = milliseconds(4),
                     .retry_after_max = milliseconds(10),
                     .deadline = milliseconds(60'000)};
    options.stall_time = std::chrono::seconds(1);
    options.seed = 1;
    return options;
}

void put_blob(const std::string& directory, const Bytes& named_by, const Bytes& contents,
              Layout layout) {
    const std::filesystem::path path =
        directory + "/" + path_of(blob::digest_of(named_by), layout == Layout::store ? 0 : 1);
    std::filesystem::create_directories(path.parent_path());
    // Renamed into its place: a server that has the old one open goes on with that.
    const std::string staged = directory + "/staged";
    {
        std::ofstream file(staged, std::ios::binary);
        file << text_of(contents);
        REQUIRE(file.good());
    }
    std::filesystem::rename(staged, path);
}

FetchOrder order_for(const Bytes& bytes, bool is_size_known, Urgency urgency) {
    return {JobId{}, is_size_known ? bytes.size() : 0, std::uint64_t{1} << 30U,
            blob::digest_of(bytes), urgency};
}

FetchWorld::FetchWorld(const FetchOptions& options, std::size_t jobs_max, uid_t uid) {
    const char* const program = std::getenv("SHARDRUN_FETCH");
    REQUIRE(program != nullptr);
    process_ = std::make_unique<FetcherProcess>(must(FetcherProcess::start(
        {.program = program, .uid = uid, .gid = uid, .jobs_max = jobs_max, .options = options})));
}

JobId FetchWorld::begin(FetchOrder order) {
    order.job = JobId{++jobs_};
    UniqueFd file(::memfd_create("destination", MFD_CLOEXEC));
    REQUIRE(file);
    UniqueFd copy(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
    must(process_->fetch(order, std::move(copy)));
    files_[order.job] = std::move(file);
    return order.job;
}

Report FetchWorld::await(JobId job) {
    while (!reports_.contains(job)) {
        must(process_->flush());
        pollfd ready{process_->fd(), POLLIN, 0};
        REQUIRE(::poll(&ready, 1, 60'000) == 1);
        for (const Report& report : must(process_->next_reports())) reports_[report.job] = report;
    }
    return reports_[job];
}

Bytes FetchWorld::bytes_of(JobId job) const {
    const int file = files_.at(job).get();
    Bytes bytes(static_cast<std::size_t>(must(sys::status_of(file)).st_size));
    REQUIRE(must(sys::read_at(file, bytes, 0)) == bytes.size());
    return bytes;
}

Report FetchWorld::fetch_bytes(const Bytes& bytes, bool is_size_known) {
    const JobId job = begin(order_for(bytes, is_size_known));
    const Report report = await(job);
    if (report.outcome == Outcome::complete) {
        CHECK(bytes_of(job) == bytes);
        CHECK(report.size_bytes == bytes.size());
    }
    return report;
}

}  // namespace shardrun::test
