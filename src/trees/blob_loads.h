#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "blob/store.h"
#include "shard/tree_source.h"
#include "trees/filler.h"

namespace shardrun::trees {

/// Single blobs on their way out of the store: into a folder, where each appears under its name
/// when it is whole and right, or into sealed memory.
class BlobLoads {
 public:
    using Done = shard::TreeSource::Done;
    using FdDone = shard::TreeSource::FdDone;
    /// Outlives it.
    BlobLoads(sys::EventLoop& loop, Filler& filler) : loop_(loop), filler_(filler) {}
    BlobLoads(const BlobLoads&) = delete;
    BlobLoads& operator=(const BlobLoads&) = delete;
    /// Whoever waits is told ECANCELED.
    ~BlobLoads();

    /// `name`: what `folder` is to show it as; with '/' in it, below folders that are made.
    void load(const blob::Store& store, const blob::Digest& digest, const std::string& name,
              sys::UniqueFd folder, Done done);
    void open(const blob::Store& store, const blob::Digest& digest, const std::string& name,
              const FdDone& done);
    /// The streamer is gone: whoever waits is told so.
    void lose_filler();

 private:
    struct Load {
        shard::BlobReport report;
        MonoTime begun;
        sys::UniqueFd folder;  ///< empty: into memory
        sys::UniqueFd file;
        FdDone done;
    };
    Result<void> begin(const blob::Store& store, const blob::Digest& digest, Load load);
    void on_filled(std::uint64_t id, const streamer::Report& report);
    void fail_all(const Error& why);

    sys::EventLoop& loop_;
    Filler& filler_;
    std::map<std::uint64_t, Load> loads_;
    std::uint64_t last_ = 0;
};

/// The blob's digest by its own text or by its name. Errors: ENOENT.
Result<blob::Digest> find_blob(const blob::Store& store, const std::string& name);

}  // namespace shardrun::trees
