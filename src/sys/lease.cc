#include "sys/lease.h"

#include <fcntl.h>
#include <signal.h>

#include <utility>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

Result<void> take(int file, int kind) {
    // Whoever breaks a lease raises a signal; SIGIO, the default, would end us.
    if (::fcntl(file, F_SETSIG, SIGURG) != 0 || ::fcntl(file, F_SETLEASE, kind) != 0)
        return fail_errno("take a lease");
    return {};
}

}  // namespace

Result<SoleOpener> SoleOpener::prove(int file) {
    SR_DO(take(file, F_WRLCK));
    return SoleOpener(file);
}

SoleOpener::SoleOpener(SoleOpener&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

SoleOpener::~SoleOpener() {
    if (file_ >= 0) (void)::fcntl(file_, F_SETLEASE, F_UNLCK);  // It is ours, or broken already.
}

Result<void> prove_no_writer(int file) {
    SR_DO(take(file, F_RDLCK));
    (void)::fcntl(file, F_SETLEASE, F_UNLCK);
    return {};
}

}  // namespace shardrun::sys
