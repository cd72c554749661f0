#include "bench/stream_ways.h"

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>

#include "base/fail.h"
#include "bench/process.h"

namespace shardrun::bench {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 20U;
constexpr std::size_t kRingRead = std::size_t{256} << 10U;
constexpr unsigned kRingDepth = 16;
constexpr std::size_t kArena = kRingDepth * kRingRead;
constexpr std::size_t kHugePage = std::size_t{2} << 20U;
constexpr std::size_t kHashedAtOnce = std::size_t{64} << 20U;

/// `work` for each file's number, in `threads` threads; ends with the first error.
Result<void> for_each_file(std::size_t count, unsigned threads,
                           const std::function<Result<void>(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    std::vector<Result<void>> results(threads);
    const auto run = [&](Result<void>& result) {
        for (std::size_t i = next++; i < count && result; i = next++) result = work(i);
    };
    {
        std::vector<std::jthread> others;
        for (unsigned i = 1; i < threads; ++i) others.emplace_back([&, i] { run(results[i]); });
        run(results[0]);
    }
    for (const Result<void>& result : results) SR_DO(result);
    return {};
}

Result<void> copy_tree(const StreamSet& set) {
    const std::string cp = find_program("cp");
    SR_TRY(const pid_t pid, spawn({cp, "-r", set.source_folder(), set.free_folder()}));
    return await_success(pid, "cp");
}

Result<void> copy_by_read_and_write(const StreamSet& set, std::size_t file) {
    thread_local std::vector<std::byte> buffer(kBuffer);
    SR_TRY(const sys::UniqueFd source, set.open_source(file));
    SR_TRY(const sys::UniqueFd destination, set.open_placeholder(file));
    while (true) {
        const ssize_t size = ::read(source.get(), buffer.data(), buffer.size());
        if (size == 0) return {};
        if (size < 0 ||
            ::write(destination.get(), buffer.data(), static_cast<std::size_t>(size)) != size)
            return fail_errno("copy file {}", file);
    }
}

Result<void> copy_by_sendfile(const StreamSet& set, std::size_t file) {
    SR_TRY(const sys::UniqueFd source, set.open_source(file));
    SR_TRY(const sys::UniqueFd destination, set.open_placeholder(file));
    for (std::uint64_t left = set.size_bytes(); left > 0;) {
        const ssize_t size = ::sendfile(destination.get(), source.get(), nullptr, left);
        if (size <= 0) return fail_errno("send file {}", file);
        left -= static_cast<std::uint64_t>(size);
    }
    return {};
}

StreamWay by_file(std::string name, std::string what, unsigned threads,
                  Result<void> (*copy)(const StreamSet&, std::size_t)) {
    return {std::move(name), std::move(what), false, [threads, copy](const StreamSet& set) {
                return for_each_file(set.count(), threads,
                                     [&](std::size_t i) { return copy(set, i); });
            }};
}

/// Direct reads of all files, kRingDepth under way at once.
class DiskReader {
 public:
    explicit DiskReader(const StreamSet& set) : set_(set) {
        int code = ::io_uring_queue_init(kRingDepth, &ring_,
                                         IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
        area_ = std::aligned_alloc(kHugePage, kArena);
        SR_ASSERT(code == 0 && area_ != nullptr);
        (void)::madvise(area_, kArena, MADV_HUGEPAGE);
        const iovec arena{area_, kArena};
        code = ::io_uring_register_buffers(&ring_, &arena, 1);
        SR_ASSERT(code == 0);
        for (unsigned i = 0; i < kRingDepth; ++i) free_.push_back(i);
    }
    ~DiskReader() {
        ::io_uring_queue_exit(&ring_);
        std::free(area_);
    }
    DiskReader(const DiskReader&) = delete;
    DiskReader& operator=(const DiskReader&) = delete;

    Result<void> run() {
        while (true) {
            SR_DO(submit());
            if (free_.size() == kRingDepth) return {};
            SR_DO(reap());
        }
    }

 private:
    struct Read {
        std::shared_ptr<sys::UniqueFd> source;
    };

    Result<void> submit() {
        while (!free_.empty() && file_ < set_.count()) {
            if (!source_) {
                SR_TRY(sys::UniqueFd fd, set_.open_source(file_));
                (void)::fcntl(fd.get(), F_SETFL, O_DIRECT);
                source_ = std::make_shared<sys::UniqueFd>(std::move(fd));
                offset_ = 0;
            }
            const unsigned slot = free_.back();
            free_.pop_back();
            reads_[slot].source = source_;
            const auto size = static_cast<unsigned>(
                std::min<std::uint64_t>(kRingRead, set_.size_bytes() - offset_));
            io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
            ::io_uring_prep_read_fixed(entry, source_->get(),
                                       static_cast<std::byte*>(area_) + slot * kRingRead, size,
                                       offset_, 0);
            ::io_uring_sqe_set_data64(entry, slot);
            offset_ += size;
            if (offset_ < set_.size_bytes()) continue;
            source_.reset();
            ++file_;
        }
        return {};
    }

    Result<void> reap() {
        (void)::io_uring_submit_and_wait(&ring_, 1);
        io_uring_cqe* entry = nullptr;
        while (::io_uring_peek_cqe(&ring_, &entry) == 0) {
            const auto slot = static_cast<unsigned>(::io_uring_cqe_get_data64(entry));
            const int result = entry->res;
            ::io_uring_cqe_seen(&ring_, entry);
            reads_[slot].source.reset();
            free_.push_back(slot);
            if (result <= 0) return fail(-result, "read from the disk");
        }
        return {};
    }

    const StreamSet& set_;
    io_uring ring_{};
    void* area_ = nullptr;
    std::vector<unsigned> free_;
    std::array<Read, kRingDepth> reads_;
    std::size_t file_ = 0;
    std::uint64_t offset_ = 0;
    std::shared_ptr<sys::UniqueFd> source_;
};

/// Messages of the files' size, of bytes that are in memory but not all in a cache.
Result<void> hash_as_much(const StreamSet& set) {
    static const std::vector<std::byte> bytes(kHashedAtOnce, std::byte{1});
    const unsigned threads = std::thread::hardware_concurrency();
    return for_each_file(set.count(), threads, [&](std::size_t i) -> Result<void> {
        blob::Hasher hasher;
        std::uint64_t at = i * set.size_bytes() % kHashedAtOnce;
        for (std::uint64_t left = set.size_bytes(); left > 0;) {
            const auto size = std::min<std::uint64_t>(left, kHashedAtOnce - at);
            hasher.update(std::span(bytes).subspan(at, size));
            left -= size;
            at = 0;
        }
        (void)hasher.finish();
        return {};
    });
}

/// Waits for at least one report; how many came. Errors: EIO when a blob did not arrive.
Result<std::size_t> await_reports(streamer::StreamerProcess& streamer) {
    pollfd waiting{streamer.fd(), POLLIN, 0};
    if (streamer.wants_to_send()) waiting.events |= POLLOUT;
    if (::poll(&waiting, 1, -1) < 0) return fail_errno("wait for the streamer");
    SR_DO(streamer.flush());
    SR_TRY(const std::vector<streamer::Report> reports, streamer.next_reports());
    for (const streamer::Report& report : reports)
        if (report.outcome != streamer::Outcome::complete)
            return refuse(EIO, "a blob did not arrive: outcome {}, code {}",
                          static_cast<int>(report.outcome), report.code);
    return reports.size();
}

Result<void> order(streamer::StreamerProcess& streamer, const StreamSet& set, std::size_t file,
                   streamer::Urgency urgency) {
    SR_TRY(sys::UniqueFd source, set.open_source(file));
    SR_TRY(sys::UniqueFd destination, set.open_placeholder(file));
    return streamer.fill({streamer::JobId{file + 1}, set.size_bytes(), set.digest(file), urgency},
                         std::move(source), std::move(destination));
}

Result<void> stream_all(streamer::StreamerProcess& streamer, const StreamSet& set,
                        streamer::Urgency urgency) {
    constexpr std::size_t kUnderWayMax = 1024;
    std::size_t ordered = 0;
    std::size_t ended = 0;
    while (ended < set.count()) {
        if (ordered < set.count() && ordered - ended < kUnderWayMax) {
            SR_DO(order(streamer, set, ordered++, urgency));
            continue;
        }
        SR_TRY(const std::size_t count, await_reports(streamer));
        ended += count;
    }
    return {};
}

}  // namespace

std::vector<StreamWay> unverified_ways() {
    return {
        {"cp", "cp -r into an empty folder", false, copy_tree},
        by_file("read-write", "read(2) and write(2) of 1 MiB, one thread", 1,
                copy_by_read_and_write),
        by_file("read-write-all", "the same, a thread for each processor",
                std::thread::hardware_concurrency(), copy_by_read_and_write),
        by_file("sendfile", "sendfile(2), one thread", 1, copy_by_sendfile),
    };
}

StreamWay disk_floor() {
    return {"disk", "direct reads through a ring, 16 of 256 KiB at once; the bytes are dropped",
            false, [](const StreamSet& set) { return DiskReader(set).run(); }};
}

StreamWay hash_floor() {
    return {"sha256", "SHA-256 by libcrypto of bytes in memory, a thread for each processor", true,
            hash_as_much};
}

StreamWay streamer_way(streamer::StreamerProcess& streamer, streamer::Urgency urgency) {
    const bool is_demand = urgency == streamer::Urgency::demand;
    return {is_demand ? "demanded" : "prefetched",
            is_demand ? "the streamer, all files urgent" : "the streamer, all files ahead of time",
            true, [&streamer, urgency](const StreamSet& set) {
                return stream_all(streamer, set, urgency);
            }};
}

}  // namespace shardrun::bench
