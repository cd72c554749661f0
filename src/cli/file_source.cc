#include "cli/file_source.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::cli {

Result<std::size_t> FileSource::read(std::span<char> buffer) {
    return sys::read_some(fd_.get(), std::as_writable_bytes(buffer));
}

Result<sys::UniqueFd> open_input(const std::string& path) {
    if (path == "-") {
        sys::UniqueFd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
        if (!fd) return fail_errno("open standard input");
        return fd;
    }
    sys::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_errno("open '{}'", path);
    return fd;
}

}  // namespace shardrun::cli
