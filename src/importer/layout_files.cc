#include "importer/layout_files.h"

#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/fail.h"
#include "image/path.h"
#include "importer/archive_reader.h"
#include "sys/file_io.h"

namespace shardrun::importer {
namespace {

/// What one file of an archive holds.
class ArchivedFile final : public ByteSource {
 public:
    ArchivedFile(int fd, Budget& budget) : bytes_(fd, budget) {}

    /// Goes to the file. Errors: ENOENT.
    Result<void> find(const std::string& path) {
        SR_TRY(archive_, ArchiveReader::open(bytes_));
        while (true) {
            SR_TRY(archive_entry* const entry, archive_->next());
            if (entry == nullptr) return refuse(ENOENT, "the layout has no '{}'", path);
            const char* const name = ::archive_entry_pathname(entry);
            const auto canonical = canonical_path(name != nullptr ? name : "");
            if (canonical && *canonical == path && S_ISREG(::archive_entry_filetype(entry)))
                return {};
        }
    }

    Result<std::size_t> read(std::span<std::byte> bytes) override {
        while (offset_ >= block_.bytes.size()) {
            SR_TRY(const std::optional<ArchiveReader::Block> next, archive_->read_block());
            if (!next) return 0;
            block_ = *next;
            offset_ = 0;
        }
        const auto part = block_.bytes.subspan(offset_);
        const std::size_t size = std::min(part.size(), bytes.size());
        std::memcpy(bytes.data(), part.data(), size);
        offset_ += size;
        return size;
    }

 private:
    FdSource bytes_;
    std::unique_ptr<ArchiveReader> archive_;
    ArchiveReader::Block block_;
    std::size_t offset_ = 0;
};

bool may_stand_in_layout(const std::string& path) {
    return path.empty() || image::is_within(path, "blobs") || path == "manifest.json" ||
           path == "repositories";
}

}  // namespace

Result<std::unique_ptr<ByteSource>> DirectoryLayout::open(const std::string& path) {
    SR_TRY(BrokeredFile file, broker_.open(path));
    SR_TRY(const struct stat status, sys::status_of(file.fd.get()));
    if (!S_ISREG(status.st_mode)) return refuse(EPROTO, "'{}' is no file", path);
    return std::make_unique<FdSource>(std::move(file.fd), budget_);
}

Result<bool> DirectoryLayout::is_layout() const {
    const auto file = broker_.open("oci-layout");
    if (!file && (file.error().code == ENOENT || file.error().code == ELOOP)) return false;
    if (!file) return std::unexpected(file.error());
    SR_TRY(const struct stat status, sys::status_of(file->fd.get()));
    return S_ISREG(status.st_mode);
}

Result<void> ArchiveLayout::rewind() const {
    if (::lseek(fd_, 0, SEEK_SET) < 0)
        return fail_errno("read the archive again (import it from a file, not from a pipe)");
    return {};
}

Result<std::unique_ptr<ByteSource>> ArchiveLayout::open(const std::string& path) {
    SR_DO(rewind());
    auto file = std::make_unique<ArchivedFile>(fd_, budget_);
    SR_DO(file->find(path));
    return file;
}

Result<bool> ArchiveLayout::is_layout() {
    // A pipe can be read once only: it is a file system.
    if (::lseek(fd_, 0, SEEK_SET) < 0) return false;
    FdSource bytes(fd_, budget_);
    SR_TRY(const std::unique_ptr<ArchiveReader> archive, ArchiveReader::open(bytes));
    bool is_layout = false;
    while (true) {
        SR_TRY(archive_entry* const entry, archive->next());
        const char* const name = entry != nullptr ? ::archive_entry_pathname(entry) : nullptr;
        if (name == nullptr) break;
        const auto path = canonical_path(name);
        if (!path) break;
        is_layout = *path == "oci-layout" || *path == "index.json";
        if (is_layout || !may_stand_in_layout(*path)) break;
    }
    SR_DO(rewind());
    return is_layout;
}

}  // namespace shardrun::importer
