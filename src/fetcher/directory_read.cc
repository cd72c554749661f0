#include "fetcher/directory_read.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::fetcher {
namespace {

using Kind = AttemptEnd::Kind;

constexpr std::size_t kPieceSize = std::size_t{256} * 1024;

AttemptEnd end_of_errno(const char* what, int code) {
    const bool is_missing = code == ENOENT || code == ENOTDIR;
    const bool is_temporary =
        code == EIO || code == EMFILE || code == ENFILE || code == ENOMEM || code == ETIMEDOUT;
    return {
        .kind = is_missing     ? Kind::not_found
                : is_temporary ? Kind::temporary
                               : Kind::refused,
        .code = code,
        .cause = is_missing ? "does not have it" : fmt::format("{}: {}", what, errno_text(code))};
}

}  // namespace

DirectoryRead::DirectoryRead(int directory, const std::string& path, Destination& destination)
    : destination_(&destination), began_at_(destination.size_bytes()) {
    // Not blocking: somebody may have put a pipe there.
    file_.reset(::openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    open_errno_ = file_ ? 0 : errno;
}

std::optional<AttemptEnd> DirectoryRead::step() {
    auto end = is_checked_ ? copy_piece() : check();
    is_checked_ = true;
    if (end) return ended(*std::move(end));
    return std::nullopt;
}

AttemptEnd DirectoryRead::ended(AttemptEnd end) const {
    end.began_at = began_at_;
    end.bytes_there = destination_->size_bytes();
    return end;
}

std::optional<AttemptEnd> DirectoryRead::check() {
    if (!file_) return end_of_errno("open it", open_errno_);
    const auto status = sys::status_of(file_.get());
    if (!status) return end_of_errno("look at it", status.error().code);
    if (!S_ISREG(status->st_mode))
        return AttemptEnd{.kind = Kind::refused, .code = EINVAL, .cause = "has no file there"};
    const auto size = static_cast<std::uint64_t>(status->st_size);
    const std::uint64_t there = destination_->size_bytes();
    const auto expected = destination_->expect(size > there ? size - there : 0);
    if (!expected) return end_of_error(expected.error(), *destination_);
    return std::nullopt;
}

std::optional<AttemptEnd> DirectoryRead::copy_piece() {
    piece_.resize(kPieceSize);
    const auto size = sys::read_at(file_.get(), piece_, destination_->size_bytes());
    if (!size) return end_of_errno("read it", size.error().code);
    const auto done = destination_->append(std::span(piece_).first(*size));
    if (!done) return end_of_error(done.error(), *destination_);
    if (*size < kPieceSize) return destination_->judge();
    return std::nullopt;
}

}  // namespace shardrun::fetcher
