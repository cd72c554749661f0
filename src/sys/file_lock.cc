#include "sys/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

int operation_of(LockMode mode) {
    return mode == LockMode::shared ? LOCK_SH : LOCK_EX;
}

Result<void> lock(int fd, int operation, const std::string& name) {
    while (::flock(fd, operation) != 0)
        if (errno != EINTR) return fail_errno("lock '{}'", name);
    return {};
}

}  // namespace

Result<FileLock> FileLock::wait(const Directory& folder, const std::string& name, LockMode mode) {
    SR_TRY(UniqueFd fd, folder.open_file(name, O_RDWR | O_CREAT, 0600));
    SR_DO(lock(fd.get(), operation_of(mode), name));
    return FileLock(std::move(fd));
}

Result<FileLock> FileLock::try_existing(const Directory& folder, const std::string& name,
                                        LockMode mode) {
    SR_TRY(UniqueFd fd, folder.open_file(name, O_RDWR));
    SR_DO(lock(fd.get(), operation_of(mode) | LOCK_NB, name));
    return FileLock(std::move(fd));
}

Result<FileLock> FileLock::create(const Directory& folder, const std::string& name) {
    SR_TRY(UniqueFd fd, folder.open_file(name, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0600));
    SR_DO(lock(fd.get(), LOCK_EX | LOCK_NB, name));
    return FileLock(std::move(fd));
}

}  // namespace shardrun::sys
