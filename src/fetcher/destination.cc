#include "fetcher/destination.h"

#include <unistd.h>

#include <cerrno>

#include "base/fail.h"

namespace shardrun::fetcher {
namespace {

using Kind = AttemptEnd::Kind;

Result<void> write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t size = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail_errno("write the blob");
        bytes = bytes.subspan(static_cast<std::size_t>(size));
        offset += static_cast<std::uint64_t>(size);
    }
    return {};
}

Result<void> make_durable(int fd) {
    if (::fdatasync(fd) != 0) return fail_errno("make the blob durable");
    return {};
}

}  // namespace

Result<void> Destination::expect(std::uint64_t more_bytes) const {
    // The order's bounds are far from overflow; a server's word is not.
    if (more_bytes > order_.size_max_bytes - size_bytes_)
        return refuse(EFBIG, "has more than the {} bytes that are allowed", order_.size_max_bytes);
    if (order_.size_bytes > 0 && more_bytes > order_.size_bytes - size_bytes_)
        return refuse(EBADMSG, "has more than its {} bytes", order_.size_bytes);
    return {};
}

Result<void> Destination::append(std::span<const std::byte> bytes) {
    SR_DO(expect(bytes.size()));
    SR_DO(write_at(file_.get(), bytes, size_bytes_));
    hasher_.update(bytes);
    size_bytes_ += bytes.size();
    return {};
}

Result<void> Destination::restart() {
    if (::ftruncate(file_.get(), 0) != 0) return fail_errno("empty the blob's file");
    hasher_ = blob::Hasher();
    size_bytes_ = 0;
    return {};
}

AttemptEnd Destination::judge() {
    const std::uint64_t size = size_bytes_;
    const blob::Digest digest = hasher_.finish();
    if (digest == order_.digest && (order_.size_bytes == 0 || is_full())) {
        if (const auto done = make_durable(file_.get()); !done)
            return end_of_error(done.error(), *this);
        return {.kind = Kind::whole, .bytes_there = size};
    }
    if (const auto done = restart(); !done) return end_of_error(done.error(), *this);
    std::string cause = order_.size_bytes > 0 && size != order_.size_bytes
                            ? fmt::format("has {} bytes instead of {}", size, order_.size_bytes)
                            : fmt::format("its bytes have the digest {}", blob::to_hex(digest));
    return {.kind = Kind::wrong_digest, .code = EBADMSG, .cause = std::move(cause)};
}

AttemptEnd end_of_error(const Error& error, Destination& destination) {
    if (error.code != EFBIG && error.code != EBADMSG)
        return {.kind = Kind::local, .code = error.code, .cause = error.message};
    if (const auto done = destination.restart(); !done)
        return {.kind = Kind::local, .code = done.error().code, .cause = done.error().message};
    return {.kind = error.code == EFBIG ? Kind::too_large : Kind::wrong_digest,
            .code = error.code,
            .cause = error.message};
}

}  // namespace shardrun::fetcher
