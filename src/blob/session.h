#pragma once

#include <set>
#include <string>
#include <vector>

#include "blob/staged_blob.h"
#include "blob/store.h"

namespace shardrun::blob {

/// Adds blobs to a store. They become visible in batches, each after its bytes are on disk; `flush`
/// makes the rest visible and the names durable. Until the session ends, its lease keeps what it
/// added or found from being swept. One session per thread; as many processes as there are.
class Session {
 public:
    Session(Session&&) noexcept;
    Session& operator=(Session&&) = delete;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    StagedBlob stage() const { return StagedBlob(folders_->staging); }
    /// The blob will be in the store after `flush`, if it is not there already.
    Result<StoredBlob> add(StagedBlob blob);
    /// In one step.
    Result<StoredBlob> add_bytes(std::span<const std::byte> bytes);
    /// A file for `adopt`, to be written by whoever gets its descriptor.
    Result<sys::StagedFile> stage_file() const;
    /// Makes visible at once what somebody else has written, read and found to be `blob`, and has
    /// made durable; nobody can write to it any more. Its name is not durable: it may be lost with
    /// the machine's power. Never waits. Errors: EWOULDBLOCK while somebody sweeps.
    Result<void> adopt(const sys::StagedFile& file, const StoredBlob& blob);
    /// Keeps a blob that should be in the store. Says whether it is there.
    Result<bool> hold(const Digest& digest);
    Result<void> flush();

    /// How much of what was added was not there before.
    std::uint64_t new_count() const { return new_count_; }
    std::uint64_t new_bytes() const { return new_bytes_; }
    /// For the catalogue: which session it is.
    const std::string& name() const { return name_; }

 private:
    friend class Store;
    struct Pending {
        StoredBlob blob;
        StagedBlob contents;
    };
    Session(const Store::Folders& folders, std::string name, sys::FileLock lease)
        : folders_(&folders), name_(std::move(name)), lease_(std::move(lease)) {}

    Result<std::optional<std::uint64_t>> hold_and_look(const Digest& digest);
    Result<std::optional<std::uint64_t>> note_and_look(const Digest& digest);
    Result<void> write_out_pending();
    Result<void> sync_contents() const;
    Result<void> link(const sys::StagedFile& file, const StoredBlob& blob);
    Result<void> publish_batch();

    const Store::Folders* folders_;
    std::string name_;
    sys::FileLock lease_;
    std::vector<Pending> pending_;
    DigestSet pending_digests_;
    std::uint64_t pending_bytes_ = 0;
    std::set<std::string> touched_folders_;  // Whose new names are not durable yet.
    std::uint64_t new_count_ = 0;
    std::uint64_t new_bytes_ = 0;
};

}  // namespace shardrun::blob
