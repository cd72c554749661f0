#pragma once

#include <string>
#include <vector>

#include "blob/catalogue.h"

/// Blobs as people and programs read them. All pure.
namespace shardrun::cli {

struct BlobLine {
    blob::BlobRow row;
    std::vector<std::string> names;
};

std::string render_blobs(const std::vector<BlobLine>& blobs, bool for_people);
std::string blobs_json(const std::vector<BlobLine>& blobs);

/// "2026-11-23 20:15", in UTC.
std::string when_text(blob::WallTime time);

}  // namespace shardrun::cli
