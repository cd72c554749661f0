#include "importer/byte_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::importer {

Result<std::size_t> FdSource::read(std::span<std::byte> bytes) {
    SR_TRY(const std::size_t size, sys::read_some(fd_, bytes));
    budget_.add_input(size);
    return size;
}

/// Never beyond the end: what is not there shall be missed.
std::uint64_t FdSource::skip(std::uint64_t size) {
    struct stat status {};
    const off_t at = ::lseek(fd_, 0, SEEK_CUR);
    if (at < 0 || ::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= at)
        return 0;
    const auto left = static_cast<std::uint64_t>(status.st_size - at);
    const std::uint64_t step = size < left ? size : left;
    return ::lseek(fd_, static_cast<off_t>(step), SEEK_CUR) < 0 ? 0 : step;
}

}  // namespace shardrun::importer
