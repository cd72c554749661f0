#include "importer/budget.h"

#include <algorithm>

#include "base/fail.h"
#include "image/path.h"

namespace shardrun::importer {
namespace {

// A small archive of zeros is no attack.
constexpr std::uint64_t kRatioFrom = std::uint64_t{16} << 20U;

}  // namespace

Result<void> Budget::add_entry(std::string_view path) {
    if (++entries_ > limits_.entries_max)
        return refuse(E2BIG, "'{}': more than {} entries; --max-entries allows more", path,
                      limits_.entries_max);
    if (image::depth_of(path) > limits_.depth_max)
        return refuse(E2BIG, "'{}': deeper than {} directories; --max-depth allows more", path,
                      limits_.depth_max);
    if (image::last_name(path).size() > limits_.name_max)
        return refuse(ENAMETOOLONG, "'{}': a name of more than {} bytes; --max-name allows more",
                      path, limits_.name_max);
    return {};
}

Result<void> Budget::add_content(std::string_view path, std::uint64_t bytes) {
    content_bytes_ += bytes;
    if (content_bytes_ > limits_.bytes_max)
        return refuse(E2BIG, "'{}': more than {} bytes in all files; --max-size allows more", path,
                      limits_.bytes_max);
    const std::uint64_t read = std::max<std::uint64_t>(input_bytes_, 1);
    if (content_bytes_ > kRatioFrom && content_bytes_ / read > limits_.ratio_max)
        return refuse(E2BIG,
                      "'{}': {} bytes unpacked from {}, more than {} for one; --max-ratio allows "
                      "more",
                      path, content_bytes_, input_bytes_, limits_.ratio_max);
    return {};
}

Result<void> Budget::check_layers(std::uint64_t count) const {
    if (count > limits_.layers_max)
        return refuse(E2BIG, "the image has {} layers, more than {}; --max-layers allows more",
                      count, limits_.layers_max);
    return {};
}

}  // namespace shardrun::importer
