#include "fetcher/blob_place.h"

namespace shardrun::fetcher {

std::string path_of(const blob::Digest& digest, unsigned layout) {
    const std::string hex = blob::to_hex(digest);
    return layout == 0 ? "blobs/sha256/" + hex.substr(0, 2) + "/" + hex : "blobs/sha256/" + hex;
}

}  // namespace shardrun::fetcher
