#include <fcntl.h>

#include <cstring>

#include "base/fail.h"
#include "blob/store.h"
#include "sys/file_io.h"

/// Garbage collection. All of it happens under the store's lock, held alone: no session can add or
/// take hold of a blob between the marking and the removing.
namespace shardrun::blob {
namespace {

constexpr std::size_t kLeaseSizeMax = std::size_t{1} << 30U;

}  // namespace

/// Says whether any session runs. The leases of those that were killed are removed.
Result<bool> Store::add_leases(DigestSet& roots) const {
    bool is_any_alive = false;
    SR_TRY(const std::vector<std::string> names, folders_->leases.names());
    for (const std::string& name : names) {
        SR_TRY(const bool is_alive, is_session_alive(name));
        is_any_alive = is_any_alive || is_alive;
        if (!is_alive) {
            SR_DO(folders_->leases.remove_file(name));
            continue;
        }
        auto fd = folders_->leases.open_file(name, O_RDONLY);
        if (!fd && fd.error().code == ENOENT) continue;  // It has just ended.
        if (!fd) return std::unexpected(fd.error());
        SR_TRY(const std::vector<std::byte> bytes, sys::read_rest(fd->get(), kLeaseSizeMax));
        Digest digest;
        for (std::size_t at = 0; at + sizeof digest.bytes <= bytes.size();
             at += sizeof digest.bytes) {
            std::memcpy(digest.bytes.data(), bytes.data() + at, sizeof digest.bytes);
            roots.insert(digest);
        }
    }
    return is_any_alive;
}

/// What processes left behind that were killed on the way; nobody is on the way now.
Result<void> Store::tidy_up() const {
    SR_TRY(const std::vector<std::string> staged, folders_->staging.names());
    for (const std::string& name : staged) SR_DO(folders_->staging.remove_file(name));
    for (const sys::Directory* folder : {&folders_->images, &folders_->pins}) {
        SR_TRY(const std::vector<std::string> names, folder->names());
        for (const std::string& name : names)
            if (name.starts_with(".")) SR_DO(folder->remove_file(name));
    }
    return {};
}

Result<Store::SweepReport> Store::sweep(const Marker& mark, const DigestSet* only,
                                        bool is_dry) const {
    SR_TRY(const sys::FileLock held, lock(sys::LockMode::exclusive));
    DigestSet reachable;
    for (const RefKind kind : {RefKind::image, RefKind::pin}) {
        SR_TRY(const std::vector<Ref> refs, list_refs(kind));
        for (const Ref& ref : refs) reachable.insert(ref.digest);
    }
    SR_TRY(const bool is_any_alive, add_leases(reachable));
    SR_DO(mark(reachable));
    if (!is_any_alive && !is_dry) SR_DO(tidy_up());
    SweepReport report;
    SR_TRY(const std::vector<StoredBlob> blobs, list_blobs());
    for (const StoredBlob& blob : blobs) {
        const bool is_asked_for = only == nullptr || only->contains(blob.digest);
        if (reachable.contains(blob.digest) || !is_asked_for) {
            ++report.kept_count;
            report.kept_bytes += blob.size_bytes;
            continue;
        }
        if (!is_dry) SR_DO(folders_->blobs.remove_file(blob_path(blob.digest)));
        report.removed.push_back(blob);
        report.removed_bytes += blob.size_bytes;
    }
    return report;
}

}  // namespace shardrun::blob
