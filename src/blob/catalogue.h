#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "blob/database.h"
#include "blob/store.h"

namespace shardrun::blob {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

struct BlobRow {
    Digest digest;
    std::uint64_t size_bytes = 0;
    WallTime added{};
    std::optional<WallTime> verified{};  ///< when it was last found sound
    std::uint64_t user_count = 0;        ///< manifests that name it
};

/// What a listing tells of an image without reading its manifest.
struct ManifestRow {
    Digest digest;
    WallTime added{};
    std::string source;  ///< what it was imported from
    std::uint64_t entry_count = 0;
    std::uint64_t file_count = 0;
    std::uint64_t content_bytes = 0;  ///< of its distinct blobs
    std::uint64_t edge_count = 0;
};

/// What is known of a store's blobs, for listings: `index.db` beside them. It repeats what the disk
/// says and may always be thrown away; a damaged one is set aside, and one that a killed process
/// left behind its store is noticed. For one thread.
class Catalogue {
 public:
    /// Fills a new catalogue, in one transaction.
    using Filler = std::function<Result<void>(const Catalogue& empty)>;
    /// Opens it, made anew by `fill` when it is missing, damaged or behind. Errors: EPROTONOSUPPORT
    /// when a newer shardrun made it; those of `fill`.
    static Result<Catalogue> open(const Store& store, const Filler& fill);

    /// What was mended while opening, for the user; empty: nothing.
    const std::string& notice() const { return notice_; }

    /// Between these two the catalogue counts as behind, should the session be killed.
    Result<void> begin_change(const std::string& session) const;
    Result<void> end_change(const std::string& session) const;

    /// The calls that `work` makes take effect together, or not at all.
    template <class Work>
    Result<void> in_transaction(const Work& work) const {
        return database_.in_transaction(work);
    }

    Result<void> add_blobs(std::span<const StoredBlob> blobs, WallTime added) const;
    /// `children` without repetition. Replaces what it said before.
    Result<void> add_manifest(const ManifestRow& manifest, std::span<const Digest> children) const;
    Result<void> remove_blobs(std::span<const Digest> digests) const;
    Result<void> set_verified(std::span<const Digest> digests, WallTime when) const;

    Result<std::vector<BlobRow>> list_blobs() const;
    Result<std::optional<ManifestRow>> find_manifest(const Digest& digest) const;
    /// The manifests that name this blob.
    Result<std::vector<Digest>> users_of(const Digest& digest) const;

 private:
    Catalogue(Database database, std::string notice)
        : database_(std::move(database)), notice_(std::move(notice)) {}

    static Result<Catalogue> open_once(const Store& store, const Filler& fill);
    static Result<void> set_damaged_aside(const Store& store);
    Result<void> migrate() const;
    Result<bool> is_behind(const Store& store) const;
    Result<void> refill(const Filler& fill) const;

    Database database_;
    std::string notice_;
};

}  // namespace shardrun::blob
