#include "image/stored_image.h"

#include <array>

#include "base/fail.h"
#include "image/manifest_codec.h"
#include "sys/file_io.h"

namespace shardrun::image {
namespace {

void add_blobs(const Manifest& manifest, blob::DigestSet& reachable) {
    for (const Entry& entry : manifest.entries())
        if (entry.type == EntryType::file) reachable.insert(entry.digest);
}

}  // namespace

Result<Manifest> load_manifest(const blob::Store& store, const blob::Digest& digest) {
    SR_TRY(const std::vector<std::byte> bytes, store.read_blob(digest, kManifestSizeMax));
    return while_doing(decode_manifest(bytes), "manifest {}", blob::to_hex(digest));
}

Result<bool> is_stored_manifest(const blob::Store& store, const blob::Digest& digest) {
    SR_TRY(const blob::OpenBlob blob, store.open_blob(digest));
    std::array<std::byte, kManifestMagicSize> magic{};
    SR_TRY(const std::size_t size, sys::read_at(blob.fd.get(), magic, 0));
    return is_manifest(std::span(magic).first(size));
}

Result<void> mark_images(const blob::Store& store, blob::DigestSet& reachable) {
    SR_TRY(const std::vector<blob::Ref> images, store.list_refs(blob::RefKind::image));
    blob::DigestSet named;
    for (const blob::Ref& ref : images) {
        if (!named.insert(ref.digest).second) continue;
        SR_TRY(const Manifest manifest,
               while_doing(load_manifest(store, ref.digest),
                           "image '{}' (import it again, or 'shardrun image rm {}')", ref.name,
                           ref.name));
        add_blobs(manifest, reachable);
    }
    // What sessions hold may be a manifest that has no name yet, or a file that looks like one.
    std::vector<blob::Digest> others;
    for (const blob::Digest& digest : reachable)
        if (!named.contains(digest)) others.push_back(digest);
    for (const blob::Digest& digest : others) {
        const Result<bool> looks_like_one = is_stored_manifest(store, digest);
        if (!looks_like_one || !*looks_like_one) continue;
        const Result<Manifest> manifest = load_manifest(store, digest);
        if (manifest) add_blobs(*manifest, reachable);
    }
    return {};
}

}  // namespace shardrun::image
