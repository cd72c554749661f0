#pragma once

#include <optional>
#include <string>
#include <vector>

#include "blob/catalogue.h"
#include "blob/store.h"
#include "image/manifest.h"

/// Images as people and programs read them. All pure.
namespace shardrun::cli {

struct ImageLine {
    std::string name;
    blob::Digest digest;
    std::optional<blob::ManifestRow> row;  ///< none: its manifest cannot be read
};
std::string render_images(const std::vector<ImageLine>& images, bool for_people);
std::string images_json(const std::vector<ImageLine>& images);

struct InspectOptions {
    bool shows_entries = false;
    bool shows_prior = false;
};
struct InspectedImage {
    std::string name;
    blob::Digest digest;
    const image::Manifest& manifest;
};
std::string render_image(const InspectedImage& image, const InspectOptions& options,
                         bool for_people);
std::string image_json(const InspectedImage& image, const InspectOptions& options);

/// "drwxr-xr-x", as ls(1) writes it.
std::string mode_text(const image::Entry& entry);

/// What verifying found of one blob.
struct DamagedBlob {
    blob::Digest digest;
    bool is_missing = false;  ///< else it was rotten, and is set aside
    std::vector<std::string> images;
};
std::string render_damage(const std::vector<DamagedBlob>& blobs, bool for_people);
std::string damage_json(const std::vector<DamagedBlob>& blobs, std::uint64_t checked_count,
                        std::uint64_t checked_bytes);

std::string sweep_text(const blob::Store::SweepReport& report, bool is_dry);
std::string sweep_json(const blob::Store::SweepReport& report, bool is_dry);

}  // namespace shardrun::cli
