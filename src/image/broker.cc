#include "image/broker.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/fail.h"
#include "image/entry_codec.h"
#include "image/path.h"
#include "sys/seqpacket.h"

namespace shardrun::image {
namespace {

UniqueFd open_beneath(int root, const std::string& path) {
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    return UniqueFd(static_cast<int>(fd));
}

/// By the descriptor: between the look and the opening nothing can be exchanged.
UniqueFd reopen_for_reading(const UniqueFd& seen) {
    const std::string self = fmt::format("/proc/self/fd/{}", seen.get());
    return UniqueFd(::open(self.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

UniqueFd open_for_importer(int root, const std::string& path) {
    UniqueFd seen = open_beneath(root, path);
    struct stat status {};
    if (!seen || ::fstat(seen.get(), &status) != 0) return UniqueFd();
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return seen;
    return reopen_for_reading(seen);
}

bool is_wanted(std::string_view name) {
    return name == "security.capability" || name.starts_with("user.");
}

/// Attributes that change or vanish meanwhile are left out, as those of a file system without any.
Result<void> write_xattrs(ByteWriter& out, int fd) {
    std::vector<char> names(XATTR_LIST_MAX);
    std::vector<char> value(XATTR_SIZE_MAX);
    const ssize_t size = ::flistxattr(fd, names.data(), names.size());
    const char* const end = names.data() + (size > 0 ? size : 0);
    for (const char* name = names.data(); name < end; name += std::strlen(name) + 1) {
        if (!is_wanted(name)) continue;
        const ssize_t value_size = ::fgetxattr(fd, name, value.data(), value.size());
        if (value_size < 0) continue;
        SR_DO(write_sized<std::uint8_t>(out, name));
        SR_DO(write_sized<std::uint32_t>(
            out, std::string_view(value.data(), static_cast<std::size_t>(value_size))));
    }
    return {};
}

/// O_PATH descriptors, of links and the like, have none that could be read.
Result<std::vector<std::byte>> make_answer(const UniqueFd& fd, int code) {
    ByteWriter out(kBrokerAnswerMax);
    SR_DO(out.write(static_cast<std::uint32_t>(code)));
    if (fd) SR_DO(write_xattrs(out, fd.get()));
    return std::move(out).take();
}

}  // namespace

Result<bool> Broker::answer() {
    SR_TRY(const sys::Packet question, sys::receive_packet(socket_, kPathSizeMax + 2));
    if (question.is_end) return false;
    if (question.is_empty) return true;
    const std::string path(reinterpret_cast<const char*>(question.bytes.data()),
                           question.bytes.size());
    if (root_ < 0 || !question.fds.empty() || !path.starts_with('/') || !check_path(path.substr(1)))
        return refuse(EPROTO, "asked to open '{}'", path);
    const UniqueFd fd = open_for_importer(root_, path == "/" ? "." : path.substr(1));
    const int code = fd ? 0 : errno;
    const auto attributes = make_answer(fd, code);
    if (!attributes)
        return refuse(E2BIG, "'{}' has more extended attributes than fit", path.substr(1));
    const std::array<std::span<const std::byte>, 1> parts{std::span(*attributes)};
    const std::array<int, 1> passed{fd.get()};
    SR_DO(sys::send_packet(socket_, parts, std::span(passed).first(fd ? 1 : 0)));
    return true;
}

}  // namespace shardrun::image
