#include "sys/staged_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <atomic>

#include "base/fail.h"
#include "base/log.h"

namespace shardrun::sys {

std::string unique_name() {
    static std::atomic<unsigned> count{0};
    timespec now{};
    (void)::clock_gettime(CLOCK_REALTIME, &now);  // Fails for no clock that there is.
    return fmt::format("{}-{:x}{:08x}-{}", ::getpid(), now.tv_sec, now.tv_nsec, ++count);
}

Result<StagedFile> StagedFile::create(const Directory& staging, mode_t mode) {
    UniqueFd fd(::openat(staging.fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
    if (fd) return StagedFile(std::move(fd), staging.fd(), "");
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return fail_errno("make a file in '{}'", staging.path());
    std::string name = unique_name();
    SR_TRY(fd, staging.open_file(name, O_RDWR | O_CREAT | O_EXCL, mode));
    return StagedFile(std::move(fd), staging.fd(), std::move(name));
}

StagedFile::StagedFile(StagedFile&& other) noexcept
    : fd_(std::move(other.fd_)), staging_(other.staging_), name_(std::move(other.name_)) {
    other.name_.clear();
}

StagedFile::~StagedFile() {
    if (!name_.empty() && ::unlinkat(staging_, name_.c_str(), 0) != 0)
        log(LogLevel::warning, "remove staged file '{}': {}, ignoring", name_, errno_text(errno));
}

Result<UniqueFd> StagedFile::open_for_reading() const {
    const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    UniqueFd fd(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_errno("open a staged file again");
    return fd;
}

Result<void> StagedFile::give_up_writing() {
    SR_TRY(fd_, open_for_reading());
    return {};
}

Result<void> StagedFile::sync() const {
    if (::fsync(fd_.get()) != 0) return fail_errno("make a file durable");
    return {};
}

Result<void> StagedFile::link(const Directory& folder, const std::string& name) const {
    // By the descriptor itself (AT_EMPTY_PATH) it would take CAP_DAC_READ_SEARCH.
    const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    if (::linkat(AT_FDCWD, self.c_str(), folder.fd(), name.c_str(), AT_SYMLINK_FOLLOW) != 0)
        return fail_errno("link '{}/{}'", folder.path(), name);
    return {};
}

Result<void> StagedFile::replace(const Directory& folder, const std::string& name) const {
    // Begins with a dot: whoever lists the folder passes over what a crash leaves behind.
    const std::string interim = "." + unique_name();
    SR_DO(link(folder, interim));
    return folder.rename(interim, folder, name);
}

}  // namespace shardrun::sys
