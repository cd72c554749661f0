#pragma once

#include <string>
#include <utility>

namespace shardrun::trees {

/// A directory for one mount, of this process; goes with the object, after what was mounted there,
/// and takes the two above along when they are empty.
class Anchor {
 public:
    Anchor() = default;
    /// Below `folder`, which is made for root alone when it is missing. One that cannot be made is
    /// empty: only older kernels need it, and say so.
    static Anchor make(const std::string& folder);
    Anchor(Anchor&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    Anchor& operator=(Anchor&& other) noexcept {
        std::swap(path_, other.path_);
        return *this;
    }
    Anchor(const Anchor&) = delete;
    Anchor& operator=(const Anchor&) = delete;
    ~Anchor();

    const std::string& path() const { return path_; }

 private:
    std::string path_;
};

/// Takes away what processes left in `folder` that are gone.
void reclaim_anchors(const std::string& folder);

}  // namespace shardrun::trees
