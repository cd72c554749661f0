#include "blob/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/fail.h"
#include "base/log.h"
#include "blob/session.h"
#include "sys/file_io.h"
#include "sys/staged_file.h"

namespace shardrun::blob {
namespace {

using sys::Directory;

constexpr mode_t kFolderMode = 0700;  // Images hold what only their owner may read.
constexpr std::string_view kFormatFile = "format";
constexpr std::string_view kFormat = "shardrun store 1\n";
constexpr std::size_t kFormatSizeMax = 4096;
constexpr std::string_view kLockFile = "lock";
constexpr const char* kUnlistedFile = "unlisted";
constexpr const char* kListingFile = "listing";

bool is_leftover(const std::string& name) {
    return name.starts_with(".");
}

Result<void> write_format(const Directory& root) {
    SR_TRY(const std::vector<std::string> names, root.names());
    if (!std::ranges::all_of(names, is_leftover))
        return refuse(EEXIST,
                      "'{}' is a directory with something else in it: choose one that is empty or "
                      "does not exist",
                      root.path());
    SR_TRY(const sys::StagedFile file, sys::StagedFile::create(root, 0600));
    SR_DO(sys::write_all(file.fd(), std::as_bytes(std::span(kFormat))));
    SR_DO(file.sync());
    SR_DO(file.replace(root, std::string(kFormatFile)));
    return root.sync();
}

Result<void> check_format(const Directory& root) {
    auto file = root.open_file(std::string(kFormatFile), O_RDONLY);
    if (!file && file.error().code == ENOENT) return write_format(root);
    if (!file) return std::unexpected(file.error());
    SR_TRY(const std::vector<std::byte> bytes, sys::read_rest(file->get(), kFormatSizeMax));
    if (std::ranges::equal(bytes, std::as_bytes(std::span(kFormat)))) return {};
    return refuse(EPROTONOSUPPORT,
                  "store '{}' has a format that this shardrun does not know: use the newer one "
                  "that made it, or another directory",
                  root.path());
}

}  // namespace

std::string blob_path(const Digest& digest) {
    const std::string hex = to_hex(digest);
    return hex.substr(0, 2) + "/" + hex;
}

Result<Store> Store::open(const std::string& root) {
    SR_TRY(Directory folder,
           while_doing(Directory::make_path(root, kFolderMode), "open the store"));
    return while_doing(open_in(std::move(folder)), "open the store");
}

Result<Store> Store::open_existing(const std::string& root) {
    auto folder = Directory::open(root);
    if (!folder && folder.error().code == ENOENT)
        return refuse(ENOENT, "there is no store at '{}': 'shardrun image import' makes one", root);
    if (!folder) return while_doing<Store>(std::unexpected(folder.error()), "open the store");
    return while_doing(open_in(*std::move(folder)), "open the store");
}

Result<Store> Store::open_in(Directory root) {
    SR_DO(check_format(root));
    SR_TRY(const Directory blobs, root.make("blobs", kFolderMode));
    SR_TRY(const Directory refs, root.make("refs", kFolderMode));
    SR_TRY(Directory by_digest, blobs.make("sha256", kFolderMode));
    SR_TRY(Directory images, refs.make("images", kFolderMode));
    SR_TRY(Directory pins, refs.make("pins", kFolderMode));
    SR_TRY(Directory leases, root.make("leases", kFolderMode));
    SR_TRY(Directory staging, root.make("staging", kFolderMode));
    SR_TRY(Directory quarantine, root.make("quarantine", kFolderMode));
    return Store(Folders{std::move(root), std::move(by_digest), std::move(images), std::move(pins),
                         std::move(leases), std::move(staging), std::move(quarantine)});
}

Result<sys::FileLock> Store::lock(sys::LockMode mode) const {
    return sys::FileLock::wait(folders_->root, std::string(kLockFile), mode);
}

Result<OpenBlob> Store::open_blob(const Digest& digest) const {
    auto fd = folders_->blobs.open_file(blob_path(digest), O_RDONLY);
    if (!fd && fd.error().code == ENOENT)
        return refuse(ENOENT, "the store has no blob {}", to_hex(digest));
    if (!fd) return std::unexpected(fd.error());
    SR_TRY(const struct stat status, sys::status_of(fd->get()));
    return OpenBlob{*std::move(fd), static_cast<std::uint64_t>(status.st_size)};
}

Result<std::vector<std::byte>> Store::read_blob(const Digest& digest, std::size_t size_max) const {
    SR_TRY(const OpenBlob blob, open_blob(digest));
    SR_TRY(std::vector<std::byte> bytes,
           while_doing(sys::read_rest(blob.fd.get(), size_max), "read blob {}", to_hex(digest)));
    if (digest_of(bytes) != digest)
        return refuse(EBADMSG,
                      "blob {} does not have the bytes that its name says: 'shardrun image verify' "
                      "sets such blobs aside, importing again brings them back",
                      to_hex(digest));
    return bytes;
}

Result<std::optional<std::uint64_t>> Store::size_of(const Digest& digest) const {
    struct stat status {};
    const std::string path = blob_path(digest);
    if (::fstatat(folders_->blobs.fd(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        return static_cast<std::uint64_t>(status.st_size);
    if (errno == ENOENT) return std::nullopt;
    return fail_errno("look for blob {}", to_hex(digest));
}

Result<std::vector<StoredBlob>> Store::list_blobs() const {
    std::vector<StoredBlob> blobs;
    SR_TRY(const std::vector<std::string> folders, folders_->blobs.names());
    for (const std::string& folder : folders) {
        if (folder.size() != 2) continue;
        SR_TRY(const Directory directory, folders_->blobs.open_directory(folder));
        SR_TRY(const std::vector<std::string> names, directory.names());
        for (const std::string& name : names) {
            const Result<Digest> digest = parse_digest(name);
            if (!digest || blob_path(*digest) != fmt::format("{}/{}", folder, name)) continue;
            // Gone since the directory was read: somebody swept.
            SR_TRY(const std::optional<std::uint64_t> size, size_of(*digest));
            if (size) blobs.push_back({*digest, *size});
        }
    }
    return blobs;
}

Result<Session> Store::begin_session() const {
    // A sweep that saw the lease before it is locked would take it for a dead one's.
    SR_TRY(const sys::FileLock held, lock(sys::LockMode::shared));
    const std::string name = sys::unique_name();
    SR_TRY(sys::FileLock lease, sys::FileLock::create(folders_->leases, name));
    return Session(*folders_, name, std::move(lease));
}

Result<bool> Store::is_session_alive(const std::string& name) const {
    const auto lease =
        sys::FileLock::try_existing(folders_->leases, name, sys::LockMode::exclusive);
    if (lease || lease.error().code == ENOENT) return false;
    if (lease.error().code == EWOULDBLOCK) return true;
    return std::unexpected(lease.error());
}

Result<void> mark_unlisted(const Directory& root) {
    SR_TRY([[maybe_unused]] const UniqueFd file,
           root.open_file(kUnlistedFile, O_WRONLY | O_CREAT, 0600));
    return {};
}

Result<bool> Store::begin_listing() const {
    const auto begun = folders_->root.rename(kUnlistedFile, folders_->root, kListingFile);
    if (begun) return true;
    if (begun.error().code != ENOENT) return std::unexpected(begun.error());
    // Somebody began and did not come to the end.
    if (::faccessat(folders_->root.fd(), kListingFile, F_OK, 0) == 0) return true;
    if (errno == ENOENT) return false;
    return fail_errno("look for '{}/{}'", root(), kListingFile);
}

Result<void> Store::end_listing() const {
    SR_TRY([[maybe_unused]] const bool was_there, folders_->root.remove_file(kListingFile));
    return {};
}

Result<void> set_aside(const Digest& digest, const Directory& blobs, const Directory& quarantine) {
    const std::string to = to_hex(digest) + "." + sys::unique_name();
    SR_DO(blobs.rename(blob_path(digest), quarantine, to));
    return quarantine.sync();
}

Result<Store::Health> Store::verify_blob(const Digest& digest) const {
    const auto look = [&]() -> Result<Health> {
        auto blob = open_blob(digest);
        if (!blob && blob.error().code == ENOENT) return Health::missing;
        if (!blob) return std::unexpected(blob.error());
        const auto found = digest_of_file(blob->fd.get());
        // What cannot be read any more is as rotten as what reads differently.
        if (!found && found.error().code != EIO) return std::unexpected(found.error());
        return found && found->digest == digest ? Health::sound : Health::rotten;
    };
    SR_TRY(const Health health, look());
    if (health != Health::rotten) return health;
    SR_TRY(const sys::FileLock held, lock(sys::LockMode::exclusive));
    SR_TRY(const Health again, look());  // It may have been replaced meanwhile.
    if (again == Health::rotten) SR_DO(set_aside(digest, folders_->blobs, folders_->quarantine));
    return again;
}

}  // namespace shardrun::blob
