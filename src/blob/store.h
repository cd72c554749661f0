#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "blob/digest.h"
#include "sys/directory.h"
#include "sys/file_lock.h"
#include "sys/unique_fd.h"

namespace shardrun::blob {

class Session;

/// Names of blobs, by what they are names of. What has a name is kept by `Store::sweep`.
enum class RefKind { image, pin };

struct Ref {
    std::string name;
    Digest digest;
};

/// One blob's file in the store.
struct StoredBlob {
    Digest digest;
    std::uint64_t size_bytes = 0;
};

/// An open blob; its bytes are as the disk has them, unverified.
struct OpenBlob {
    UniqueFd fd;
    std::uint64_t size_bytes = 0;
};

using DigestSet = std::unordered_set<Digest>;

/// Where blobs rest on disk:
///
///     format             what wrote it, and in which version
///     unlisted           there when blobs came that the catalogue was not told of
///     listing            the same, while it is being told
///     lock               flock(2): sweeping excludes adding, for moments
///     blobs/sha256/AB/D  a blob by its digest D = AB…, written once, never changed
///     refs/images/NAME   the digest of an image's manifest
///     refs/pins/NAME     the digest of a blob that somebody put
///     leases/            what running sessions have added or rely on
///     staging/           files without a name
///     quarantine/        what was found not to be what its name says
///
/// The disk is the truth: nothing here needs the catalogue. Whatever ends a process at whatever
/// point, a name that can be seen has its whole contents. Several processes may use one store.
class Store {
 public:
    /// Opens the store at `root`, which is made when it is missing, for its owner alone. Errors:
    /// EPROTONOSUPPORT for one that a newer shardrun made, ENOTDIR, EACCES; EEXIST when there is a
    /// directory with something else in it.
    static Result<Store> open(const std::string& root);
    /// The same, but a missing one is an error: ENOENT.
    static Result<Store> open_existing(const std::string& root);

    const std::string& root() const { return folders_->root.path(); }
    const sys::Directory& root_directory() const { return folders_->root; }

    /// Errors: ENOENT, with the digest.
    Result<OpenBlob> open_blob(const Digest& digest) const;
    /// A whole blob, verified. Errors: ENOENT, EFBIG beyond `size_max`, EBADMSG when its bytes have
    /// another digest.
    Result<std::vector<std::byte>> read_blob(const Digest& digest, std::size_t size_max) const;
    /// The size of its file; none when it is not there.
    Result<std::optional<std::uint64_t>> size_of(const Digest& digest) const;
    /// Every blob there is, in the order of digests; what else lies between them is left out.
    Result<std::vector<StoredBlob>> list_blobs() const;

    /// Begins to add blobs. What a session added or relies on is not swept while it lives.
    Result<Session> begin_session() const;

    /// A name is 1 to 200 bytes of letters, digits and ._:/@+- and begins with none of ./-. Errors:
    /// EINVAL.
    static Result<void> check_ref_name(std::string_view name);
    /// Makes or replaces a name, durably. The blob must be kept until then by a session.
    Result<void> set_ref(RefKind kind, const std::string& name, const Digest& digest) const;
    /// Errors: ENOENT, with what shows those there are.
    Result<Digest> find_named(RefKind kind, const std::string& name) const;
    /// None when there is no such name.
    Result<std::optional<Digest>> find_ref(RefKind kind, const std::string& name) const;
    Result<std::vector<Ref>> list_refs(RefKind kind) const;
    /// False when there was none.
    Result<bool> remove_ref(RefKind kind, const std::string& name) const;

    /// What hash says of one blob. `rotten`: it was set aside into quarantine/.
    enum class Health { sound, rotten, missing };
    /// Reads it whole. Errors: those of reading, and of setting it aside.
    Result<Health> verify_blob(const Digest& digest) const;

    /// Adds to `reachable` what its members lead to; called while nobody can add anything.
    using Marker = std::function<Result<void>(DigestSet& reachable)>;
    struct SweepReport {
        std::vector<StoredBlob> removed;
        std::uint64_t removed_bytes = 0;
        std::uint64_t kept_count = 0;
        std::uint64_t kept_bytes = 0;
    };
    /// Removes every blob that is neither named, nor held by a running session, nor reached from
    /// these. When `mark` fails nothing is removed. `only`: of these alone. `is_dry`: only say what
    /// would go.
    Result<SweepReport> sweep(const Marker& mark, const DigestSet* only, bool is_dry) const;

    /// Whether blobs came that the catalogue was not told of. It is said again until the listing is
    /// ended, and of those that come after this call afterwards.
    Result<bool> begin_listing() const;
    Result<void> end_listing() const;

    /// Whether the session of this name still runs.
    Result<bool> is_session_alive(const std::string& name) const;

 private:
    friend class Session;
    struct Folders {
        sys::Directory root, blobs, images, pins, leases, staging, quarantine;
    };
    explicit Store(Folders folders) : folders_(std::make_unique<Folders>(std::move(folders))) {}

    static Result<Store> open_in(sys::Directory root);
    const sys::Directory& folder_of(RefKind kind) const;
    Result<bool> add_leases(DigestSet& roots) const;
    Result<void> tidy_up() const;
    Result<sys::FileLock> lock(sys::LockMode mode) const;

    std::unique_ptr<Folders> folders_;  // Sessions point to them while the store is moved about.
};

/// "ab/abcdef…": the place of a blob within blobs/sha256.
std::string blob_path(const Digest& digest);

/// For Store::begin_listing, after a blob has its name.
Result<void> mark_unlisted(const sys::Directory& root);

/// Moves what has a blob's name, and is not it, into `quarantine`.
Result<void> set_aside(const Digest& digest, const sys::Directory& blobs,
                       const sys::Directory& quarantine);

}  // namespace shardrun::blob
