// A manifest's bytes: an image that holds all that is promised of one, or a refusal.

#include <algorithm>
#include <span>

#include "base/fail.h"
#include "image/manifest_codec.h"
#include "image/path.h"
#include "target.h"

namespace shardrun::image {
namespace {

void check(const Manifest& manifest) {
    const std::vector<Entry>& entries = manifest.entries();
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
        SR_ASSERT(check_path(entries[i].path));
        SR_ASSERT(manifest.index_of(entries[i].path) == i);
        SR_ASSERT(manifest.end_of_subtree(i) > i);
        if (i == 0) continue;
        const auto parent = manifest.index_of(parent_path(entries[i].path));
        SR_ASSERT(parent && *parent < i && entries[*parent].type == EntryType::directory);
    }
    for (const Edge& edge : manifest.edges()) SR_ASSERT(!manifest.edges_from(edge.from).empty());
}

}  // namespace
}  // namespace shardrun::image

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun;
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto manifest = image::decode_manifest(bytes);
    if (!manifest) {
        SR_ASSERT(manifest.error().code == EPROTO && !manifest.error().message.empty());
        return 0;
    }
    image::check(*manifest);
    // One manifest has one encoding.
    const auto again = image::encode_manifest(*manifest);
    SR_ASSERT(again && std::ranges::equal(*again, bytes));
    return 0;
}
