#pragma once

#include "blob/store.h"
#include "image/manifest.h"

/// Images as blobs of a store.
namespace shardrun::image {

/// Errors: ENOENT; EBADMSG and EPROTO when the blob is damaged or no manifest.
Result<Manifest> load_manifest(const blob::Store& store, const blob::Digest& digest);

/// For Store::sweep: every blob of every image that is reachable. Errors: those of load_manifest
/// for an image that has a name; nothing may be removed while it is unknown what that needs.
Result<void> mark_images(const blob::Store& store, blob::DigestSet& reachable);

/// Whether the blob is a manifest, by its first bytes. Errors: ENOENT.
Result<bool> is_stored_manifest(const blob::Store& store, const blob::Digest& digest);

}  // namespace shardrun::image
