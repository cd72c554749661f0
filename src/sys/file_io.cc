#include "sys/file_io.h"

#include <unistd.h>

#include <algorithm>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

constexpr std::size_t kStep = std::size_t{256} * 1024;

}  // namespace

Result<void> write_all(int fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::write(fd, bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail_errno("write {} bytes", bytes.size());
        bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
    return {};
}

Result<std::size_t> read_some(int fd, std::span<std::byte> bytes) {
    while (true) {
        const ssize_t size = ::read(fd, bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail_errno("read");
        return static_cast<std::size_t>(size);
    }
}

Result<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t size = ::pread(fd, bytes.data() + done, bytes.size() - done,
                                     static_cast<off_t>(offset + done));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail_errno("read at {}", offset + done);
        if (size == 0) break;
        done += static_cast<std::size_t>(size);
    }
    return done;
}

Result<std::vector<std::byte>> read_rest(int fd, std::size_t size_max) {
    std::vector<std::byte> bytes;
    while (true) {
        const std::size_t before = bytes.size();
        // One byte beyond the bound tells a file that fits from one that does not.
        const std::size_t room = std::min(std::max(kStep, before), size_max - before + 1);
        bytes.resize(before + room);
        SR_TRY(const std::size_t size, read_some(fd, std::span(bytes).subspan(before)));
        bytes.resize(before + size);
        if (size == 0) return bytes;
        if (bytes.size() > size_max) return fail(EFBIG, "read more than {} bytes", size_max);
    }
}

Result<struct stat> status_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return fail_errno("look at an open file");
    return status;
}

}  // namespace shardrun::sys
