#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "shard/tree_source.h"
#include "trees/supply.h"

namespace shardrun::trees {

/// Single blobs on their way out of the store, or from the origins: into a folder, where each
/// appears under its name when it is whole and right, or into sealed memory.
class BlobLoads {
 public:
    struct Wish {
        std::uint64_t request = 0;
        std::string name;
    };
    /// Each wish once; with a descriptor if it was to be opened and is. Maybe from inside the call.
    using OnEnd =
        std::function<void(std::uint64_t request, shard::BlobReport report, sys::UniqueFd blob)>;
    /// Both outlive it.
    BlobLoads(sys::EventLoop& loop, Supply& supply, OnEnd on_end)
        : loop_(loop), supply_(supply), on_end_(std::move(on_end)) {}
    BlobLoads(const BlobLoads&) = delete;
    BlobLoads& operator=(const BlobLoads&) = delete;
    /// Whoever waits is told ECANCELED.
    ~BlobLoads();

    /// `folder` is to show it under its name; with '/' in it, below folders that are made.
    void load(const blob::Digest& digest, Wish wish, sys::UniqueFd folder);
    void open(const blob::Digest& digest, Wish wish);
    /// The streamer is gone: whoever waited for it is told so.
    void lose_filler();

 private:
    struct Load {
        std::uint64_t request = 0;
        shard::BlobReport report;
        MonoTime begun;
        sys::UniqueFd folder;  ///< empty: into memory
        sys::UniqueFd file;
        Supply::JobId job{};
    };
    void begin(const blob::Digest& digest, Load load);
    Result<void> order(const blob::Digest& digest, std::uint64_t id, Load& load);
    void on_filled(std::uint64_t id, const Supply::End& end);
    void fail(std::map<std::uint64_t, Load> loads, const Error& why);

    sys::EventLoop& loop_;
    Supply& supply_;
    OnEnd on_end_;
    std::map<std::uint64_t, Load> loads_;
    std::uint64_t last_ = 0;
};

}  // namespace shardrun::trees
