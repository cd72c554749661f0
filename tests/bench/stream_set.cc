#include "bench/stream_set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <random>
#include <utility>

#include "base/fail.h"
#include "sys/detached_tmpfs.h"
#include "sys/file_io.h"

namespace shardrun::bench {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20U;
constexpr std::uint64_t kSpareBytes = std::uint64_t{64} << 20U;

Result<sys::UniqueFd> open_file(const std::string& path, int flags) {
    sys::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
    if (!fd) return fail_errno("open '{}'", path);
    return fd;
}

Result<void> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) != 0) return fail_errno("create the folder '{}'", path);
    return {};
}

void remove_all(const std::string& path) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

}  // namespace

Result<void> touch_memory(std::uint64_t bytes) {
    void* const area =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED) return fail_errno("map {} bytes", bytes);
    // Huge pages are what a host takes back.
    (void)::madvise(area, bytes, MADV_HUGEPAGE);
    constexpr std::uint64_t kPage = 4096;
    auto* const pages = static_cast<volatile std::byte*>(area);
    for (std::uint64_t at = 0; at < bytes; at += kPage) pages[at] = std::byte{1};
    (void)::munmap(area, bytes);
    return {};
}

StreamSet::StreamSet(std::uint64_t size_bytes, std::string source, std::string mount)
    : size_bytes_(size_bytes), source_(std::move(source)), mount_(std::move(mount)) {
    free_ = mount_ + "/free";
}

StreamSet::~StreamSet() {
    if (source_.empty()) return;  // Moved from.
    remove_all(source_);
    (void)::umount2(mount_.c_str(), MNT_DETACH);
}

Result<StreamSet> StreamSet::create(const std::string& disk_folder,
                                    const std::string& memory_folder, std::uint64_t size_bytes,
                                    unsigned count) {
    const std::string source = disk_folder + "/" + std::to_string(size_bytes);
    SR_DO(make_folder(source));
    StreamSet set(size_bytes, source, memory_folder);
    const sys::TmpfsLimits limits{.size_max_bytes = 2 * size_bytes * count + kSpareBytes,
                                  .inodes_max = 2 * std::uint64_t{count} + 100};
    SR_TRY(const sys::UniqueFd mount, sys::make_detached_tmpfs("bench", limits));
    SR_DO(sys::attach_mount(mount.get(), memory_folder));
    SR_DO(make_folder(memory_folder + "/filled"));
    for (unsigned i = 0; i < count; ++i) {
        SR_DO(set.write_source(i));
        SR_TRY(const sys::UniqueFd placeholder,
               open_file(memory_folder + "/filled/" + std::to_string(i), O_CREAT | O_WRONLY));
    }
    SR_DO(make_folder(set.free_));
    ::sync();
    return set;
}

Result<void> StreamSet::write_source(std::size_t file) {
    std::mt19937_64 random(file * 1'000'003 + size_bytes_);
    SR_TRY(const sys::UniqueFd fd,
           open_file(source_ + "/" + std::to_string(file), O_CREAT | O_EXCL | O_WRONLY));
    blob::Hasher hasher;
    std::vector<std::uint64_t> piece(kPiece / sizeof(std::uint64_t));
    for (std::uint64_t left = size_bytes_; left > 0;) {
        for (std::uint64_t& each : piece) each = random();
        const auto bytes =
            std::as_bytes(std::span(piece)).first(std::min<std::uint64_t>(left, kPiece));
        SR_DO(sys::write_all(fd.get(), bytes));
        hasher.update(bytes);
        left -= bytes.size();
    }
    digests_.push_back(hasher.finish());
    return {};
}

Result<sys::UniqueFd> StreamSet::open_source(std::size_t file) const {
    return open_file(source_ + "/" + std::to_string(file), O_RDONLY);
}

Result<sys::UniqueFd> StreamSet::open_placeholder(std::size_t file) const {
    return open_file(mount_ + "/filled/" + std::to_string(file), O_RDWR);
}

Result<void> StreamSet::warm() const {
    std::vector<std::byte> buffer(kPiece);
    for (std::size_t i = 0; i < count(); ++i) {
        SR_TRY(const sys::UniqueFd fd, open_source(i));
        std::size_t size = 1;
        while (size > 0) {
            SR_TRY(const std::size_t got, sys::read_some(fd.get(), buffer));
            size = got;
        }
    }
    return {};
}

Result<void> StreamSet::cool() const {
    for (std::size_t i = 0; i < count(); ++i) {
        SR_TRY(const sys::UniqueFd fd, open_source(i));
        if (const int code = ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED); code != 0)
            return fail(code, "drop '{}/{}' from the page cache", source_, i);
    }
    return {};
}

Result<void> StreamSet::reset() const {
    remove_all(free_);
    SR_DO(make_folder(free_));
    for (std::size_t i = 0; i < count(); ++i) {
        SR_TRY(const sys::UniqueFd fd, open_placeholder(i));
        if (::ftruncate(fd.get(), 0) != 0 ||
            ::ftruncate(fd.get(), static_cast<off_t>(size_bytes_)) != 0)
            return fail_errno("empty placeholder {}", i);
    }
    return {};
}

}  // namespace shardrun::bench
