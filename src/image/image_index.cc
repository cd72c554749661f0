#include "image/image_index.h"

#include "base/fail.h"
#include "image/stored_image.h"

namespace shardrun::image {
namespace {

std::vector<blob::StoredBlob> files_of(const Manifest& manifest) {
    std::vector<blob::StoredBlob> files;
    for (const Entry& entry : manifest.entries())
        if (entry.type == EntryType::file) files.push_back({entry.digest, entry.size_bytes});
    return files;
}

Result<void> add_manifest(const blob::Catalogue& catalogue, const Manifest& manifest,
                          const blob::Digest& digest, const std::string& source,
                          blob::WallTime added) {
    const blob::ManifestRow row{.digest = digest,
                                .added = added,
                                .source = source,
                                .entry_count = manifest.entries().size(),
                                .file_count = manifest.file_count(),
                                .content_bytes = manifest.content_bytes(),
                                .edge_count = manifest.edges().size()};
    return catalogue.add_manifest(row, manifest.blobs());
}

/// From what lies on disk. What cannot be read is left for `image verify` to tell.
Result<void> fill(const blob::Store& store, const blob::Catalogue& empty) {
    const blob::WallTime now = wall_time_now();
    SR_TRY(const std::vector<blob::StoredBlob> blobs, store.list_blobs());
    SR_DO(empty.add_blobs(blobs, now));
    for (const blob::StoredBlob& blob : blobs) {
        const Result<bool> looks_like_one = is_stored_manifest(store, blob.digest);
        if (!looks_like_one || !*looks_like_one) continue;
        const Result<Manifest> manifest = load_manifest(store, blob.digest);
        if (manifest) SR_DO(add_manifest(empty, *manifest, blob.digest, "", now));
    }
    return {};
}

/// Blobs that a supervisor fetched: it leaves the catalogue to others.
Result<void> add_unlisted(const blob::Store& store, const blob::Catalogue& catalogue) {
    // Before looking: what comes meanwhile is marked again.
    SR_TRY(const bool is_any, store.begin_listing());
    if (!is_any) return {};
    SR_TRY(const std::vector<blob::StoredBlob> blobs, store.list_blobs());
    SR_DO(catalogue.in_transaction([&] { return catalogue.add_blobs(blobs, wall_time_now()); }));
    return store.end_listing();
}

}  // namespace

Result<blob::Catalogue> open_catalogue(const blob::Store& store) {
    SR_TRY(blob::Catalogue catalogue,
           blob::Catalogue::open(store,
                                 [&](const blob::Catalogue& empty) { return fill(store, empty); }));
    SR_DO(add_unlisted(store, catalogue));
    return catalogue;
}

Result<void> index_image(const blob::Catalogue& catalogue, const Manifest& manifest,
                         const blob::StoredBlob& blob, const std::string& source,
                         blob::WallTime added, Content content) {
    std::vector<blob::StoredBlob> blobs;
    if (content == Content::stored) blobs = files_of(manifest);
    blobs.push_back(blob);
    return catalogue.in_transaction([&]() -> Result<void> {
        SR_DO(catalogue.add_blobs(blobs, added));
        return add_manifest(catalogue, manifest, blob.digest, source, added);
    });
}

blob::WallTime wall_time_now() {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

}  // namespace shardrun::image
