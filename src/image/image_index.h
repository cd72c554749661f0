#pragma once

#include "blob/catalogue.h"
#include "image/manifest.h"

/// A store's catalogue with its images in it.
namespace shardrun::image {

/// Opens the catalogue; makes it anew from the blobs and manifests on disk where that is needed.
Result<blob::Catalogue> open_catalogue(const blob::Store& store);

enum class Content : std::uint8_t {
    stored,
    elsewhere,  ///< what the store has of it, it has already
};

/// Adds an image and its blobs. `source`: what it was imported from, for people.
Result<void> index_image(const blob::Catalogue& catalogue, const Manifest& manifest,
                         const blob::StoredBlob& blob, const std::string& source,
                         blob::WallTime added, Content content = Content::stored);

blob::WallTime wall_time_now();

}  // namespace shardrun::image
