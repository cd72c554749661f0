#include "blob/session.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "sys/file_io.h"

namespace shardrun::blob {
namespace {

// As many descriptors are open at once, of 1024 that a process has by default.
constexpr std::size_t kBatchCountMax = 512;
constexpr std::uint64_t kBatchBytesMax = std::uint64_t{64} * 1024 * 1024;
// From here on one syncfs(2) is cheaper than an fsync(2) for each file.
constexpr std::size_t kSyncEachMax = 4;

}  // namespace

Session::Session(Session&&) noexcept = default;

Session::~Session() {
    if (lease_.fd() < 0) return;  // Moved from.
    const auto removed = folders_->leases.remove_file(name_);
    // The next sweep finds it without a holder and removes it.
    if (!removed) log(LogLevel::warning, "{}, ignoring", removed.error().message);
}

/// Nothing that this names is swept from now on. Gives the size of its file, if it has one.
Result<std::optional<std::uint64_t>> Session::hold_and_look(const Digest& digest) {
    SR_TRY(const sys::FileLock held,
           sys::FileLock::wait(folders_->root, "lock", sys::LockMode::shared));
    return note_and_look(digest);
}

/// While no sweep is under way.
Result<std::optional<std::uint64_t>> Session::note_and_look(const Digest& digest) {
    SR_DO(sys::write_all(lease_.fd(), digest.bytes));
    struct stat status {};
    const std::string path = blob_path(digest);
    if (::fstatat(folders_->blobs.fd(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        return static_cast<std::uint64_t>(status.st_size);
    if (errno == ENOENT) return std::nullopt;
    return fail_errno("look for blob {}", to_hex(digest));
}

Result<sys::StagedFile> Session::stage_file() const {
    return sys::StagedFile::create(folders_->staging, kBlobMode);
}

Result<void> Session::adopt(const sys::StagedFile& file, const StoredBlob& blob) {
    SR_TRY(const sys::FileLock held,
           sys::FileLock::try_existing(folders_->root, "lock", sys::LockMode::shared));
    SR_TRY(const std::optional<std::uint64_t> size, note_and_look(blob.digest));
    if (size == blob.size_bytes) return {};
    SR_DO(link(file, blob));
    return mark_unlisted(folders_->root);
}

Result<bool> Session::hold(const Digest& digest) {
    SR_TRY(const std::optional<std::uint64_t> size, hold_and_look(digest));
    return size.has_value();
}

Result<StoredBlob> Session::add(StagedBlob contents) {
    const StoredBlob blob{contents.hasher_.finish(), contents.size_bytes_};
    if (pending_digests_.contains(blob.digest)) return blob;
    SR_TRY(const std::optional<std::uint64_t> size, hold_and_look(blob.digest));
    // A file of another size is damaged; linking finds it in the way and sets it aside.
    if (size == blob.size_bytes) return blob;
    pending_digests_.insert(blob.digest);
    pending_.push_back({blob, std::move(contents)});
    pending_bytes_ += blob.size_bytes;
    if (pending_.size() >= kBatchCountMax || pending_bytes_ >= kBatchBytesMax)
        SR_DO(publish_batch());
    return blob;
}

Result<StoredBlob> Session::add_bytes(std::span<const std::byte> bytes) {
    StagedBlob contents = stage();
    SR_DO(contents.append(bytes));
    return add(std::move(contents));
}

Result<void> Session::write_out_pending() {
    for (Pending& pending : pending_) SR_DO(pending.contents.write_out());
    return {};
}

Result<void> Session::sync_contents() const {
    if (pending_.size() > kSyncEachMax) {
        if (::syncfs(folders_->root.fd()) != 0) return fail_errno("make blobs durable");
        return {};
    }
    for (const Pending& pending : pending_) SR_DO(pending.contents.file().sync());
    return {};
}

Result<void> Session::link(const sys::StagedFile& file, const StoredBlob& blob) {
    const Digest& digest = blob.digest;
    const std::string path = blob_path(digest);
    const std::string folder = path.substr(0, 2);
    if (touched_folders_.insert(folder).second &&
        ::mkdirat(folders_->blobs.fd(), folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno("make directory '{}/{}'", folders_->blobs.path(), folder);
    auto linked = file.link(folders_->blobs, path);
    if (!linked && linked.error().code == EEXIST) {
        // Somebody else was faster, unless it is a file that was cut short.
        struct stat status {};
        if (::fstatat(folders_->blobs.fd(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            static_cast<std::uint64_t>(status.st_size) == blob.size_bytes)
            return {};
        SR_DO(set_aside(digest, folders_->blobs, folders_->quarantine));
        linked = file.link(folders_->blobs, path);
    }
    SR_DO(linked);
    ++new_count_;
    new_bytes_ += blob.size_bytes;
    return {};
}

Result<void> Session::publish_batch() {
    if (pending_.empty()) return {};
    SR_DO(write_out_pending());
    // Before any of them has a name: a name that can be seen after a power cut has its contents.
    SR_DO(sync_contents());
    for (const Pending& pending : pending_) SR_DO(link(pending.contents.file(), pending.blob));
    pending_.clear();
    pending_digests_.clear();
    pending_bytes_ = 0;
    return {};
}

Result<void> Session::flush() {
    SR_DO(publish_batch());
    if (touched_folders_.size() > kSyncEachMax) {
        if (::syncfs(folders_->root.fd()) != 0) return fail_errno("make names of blobs durable");
    } else if (!touched_folders_.empty()) {
        for (const std::string& name : touched_folders_) {
            SR_TRY(const sys::Directory folder, folders_->blobs.open_directory(name));
            SR_DO(folder.sync());
        }
        SR_DO(folders_->blobs.sync());  // The folders' own names.
    }
    touched_folders_.clear();
    return {};
}

}  // namespace shardrun::blob
