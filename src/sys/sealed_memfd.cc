#include "sys/sealed_memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

// Linux 6.3; the headers of Debian 12 do not have them.
constexpr unsigned kNoExecSeal = 0x0008U;
constexpr unsigned kExec = 0x0010U;
constexpr int kSealExec = 0x0020;

/// A kernel before 6.3 knows neither flag and makes every memfd executable.
int create(const std::string& name, MemfdUse use) {
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    const int fd =
        ::memfd_create(name.c_str(), flags | (use == MemfdUse::program ? kExec : kNoExecSeal));
    return fd < 0 && errno == EINVAL ? ::memfd_create(name.c_str(), flags) : fd;
}

}  // namespace

Result<UniqueFd> make_sealed_memfd(const std::string& name, std::span<const std::byte> bytes,
                                   MemfdUse use) {
    UniqueFd fd(create(name, use));
    if (!fd) return fail_errno("create memfd '{}'", name);
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
        if (written < 0) return fail_errno("write memfd '{}'", name);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    if (::fcntl(fd.get(), F_ADD_SEALS, seals | kSealExec) != 0 &&
        ::fcntl(fd.get(), F_ADD_SEALS, seals) != 0)
        return fail_errno("seal memfd '{}'", name);
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL) != 0)
        return fail_errno("seal memfd '{}'", name);
    return fd;
}

}  // namespace shardrun::sys
