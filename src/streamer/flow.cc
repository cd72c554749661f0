#include "streamer/flow.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::streamer {
namespace {

std::size_t align_up(std::size_t size) {
    return (size + kAlignment - 1) / kAlignment * kAlignment;
}

/// Direct reads miss the page cache, which the next reader of the source may have wanted; what is
/// cold is mostly wanted once.
void set_direct(int file, bool is_direct) {
    const int flags = ::fcntl(file, F_GETFL);
    if (flags >= 0) (void)::fcntl(file, F_SETFL, is_direct ? flags | O_DIRECT : flags & ~O_DIRECT);
}

}  // namespace

void Flow::begin() {
    const auto status = sys::status_of(job_.source.get());
    if (!status) return end(Outcome::failed, status.error().code);
    if (!S_ISREG(status->st_mode)) return end(Outcome::failed, EINVAL);
    if (std::cmp_not_equal(status->st_size, job_.order.size_bytes)) return end(Outcome::wrong_size);
    if (bytes_left() == 0) return write({});
    if (job_.order.residence == Residence::absent) become_cold();
}

void Flow::end(Outcome outcome, int code) {
    if (is_ended_) return;
    is_ended_ = true;
    report_ = Report{job_.order.job, outcome, code};
}

void Flow::write(std::span<const std::byte> piece) {
    const bool is_last = piece.size() == bytes_left();
    if (is_last && hasher_.finish() != job_.order.digest) return end(Outcome::wrong_digest);
    while (!piece.empty()) {
        const ssize_t size =
            ::pwrite(job_.destination.get(), piece.data(), piece.size(), static_cast<off_t>(done_));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return end(Outcome::failed, errno);
        piece = piece.subspan(static_cast<std::size_t>(size));
        done_ += static_cast<std::uint64_t>(size);
    }
    if (is_last) end(Outcome::complete);
}

std::span<const std::byte> Flow::piece_or_end(std::span<std::byte> buffer, ssize_t size, int code) {
    if (size > 0) return buffer.first(static_cast<std::size_t>(size));
    // Nothing: it became shorter since it was looked at.
    size < 0 ? end(Outcome::failed, code) : end(Outcome::wrong_size);
    return {};
}

std::span<const std::byte> Flow::read_warm(std::span<std::byte> buffer) {
    buffer = buffer.first(std::min<std::uint64_t>(buffer.size(), bytes_left()));
    iovec vector{buffer.data(), buffer.size()};
    const ssize_t size =
        ::preadv2(job_.source.get(), &vector, 1, static_cast<off_t>(done_), RWF_NOWAIT);
    const int code = errno;
    if (size >= 0 || (code != EAGAIN && code != EOPNOTSUPP && code != EINTR))
        return piece_or_end(buffer, size, code);
    become_cold();
    return {};
}

/// Goes on at an aligned offset: what is before it is read once more or waited for.
void Flow::become_cold() {
    is_cold_ = true;
    requested_ = done_;
}

std::span<const std::byte> Flow::read_blocking(std::span<std::byte> buffer) {
    buffer = buffer.first(std::min<std::uint64_t>(buffer.size(), bytes_left()));
    const ssize_t size =
        ::pread(job_.source.get(), buffer.data(), buffer.size(), static_cast<off_t>(done_));
    if (size < 0 && errno == EINTR) return {};
    return piece_or_end(buffer, size, errno);
}

std::optional<Flow::Read> Flow::next_read() const {
    if (is_ended() || requested_ >= job_.order.size_bytes) return std::nullopt;
    const std::uint64_t rest = job_.order.size_bytes - requested_;
    return Read{job_.source.get(), requested_,
                align_up(static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, rest)))};
}

void Flow::add_read(const Read& read, int slot, std::byte* buffer) {
    // Where the page cache ended may lie anywhere; such a rest is read through it.
    const bool is_aligned = requested_ % kAlignment == 0;
    if (in_flight_.empty()) read_directly(is_aligned);
    const auto wanted = std::min<std::uint64_t>(read.size, job_.order.size_bytes - read.offset);
    in_flight_.push_back({slot, read.offset, std::span(buffer, read.size),
                          static_cast<std::size_t>(wanted), std::nullopt});
    requested_ += wanted;
}

void Flow::on_read(int slot, int result) {
    for (InFlight& each : in_flight_)
        if (each.slot == slot) each.result = result;
}

/// Whether that works shows when it is read.
void Flow::read_directly(bool is_direct) {
    if (is_direct_ == is_direct) return;
    is_direct_ = is_direct;
    set_direct(job_.source.get(), is_direct);
}

/// A read that failed or came short, once more through the page cache: a disk or a file system may
/// refuse direct reads.
bool Flow::read_again(InFlight& read) {
    read_directly(false);
    const auto again = sys::read_at(job_.source.get(), read.buffer.first(read.wanted), read.offset);
    if (!again)
        end(Outcome::failed, again.error().code);
    else if (*again < read.wanted)
        end(Outcome::wrong_size);
    return !is_ended();
}

std::optional<Flow::Finished> Flow::take_finished() {
    if (in_flight_.empty()) return std::nullopt;
    const std::optional<int> result = in_flight_.front().result;
    if (!result) return std::nullopt;
    InFlight read = in_flight_.front();
    in_flight_.erase(in_flight_.begin());
    const bool is_whole = std::cmp_greater_equal(*result, read.wanted);
    if (is_ended() || (!is_whole && !read_again(read))) return Finished{read.slot, {}};
    return Finished{read.slot, read.buffer.first(read.wanted)};
}

Report Flow::finish() {
    SR_ASSERT(is_over());
    job_.source.reset();
    job_.destination.reset();
    report_.written_bytes = done_;
    const auto elapsed = std::chrono::steady_clock::now() - job_.begun;
    report_.elapsed_ns = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
    return report_;
}

}  // namespace shardrun::streamer
