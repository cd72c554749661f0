#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image/manifest.h"

/// The JSON documents of an OCI image layout, as far as an import needs them. All pure; documents
/// are strangers' bytes. Errors: EPROTO with the place; E2BIG beyond kJsonMax or kJsonDepthMax.
/// Source: OCI image specification 1.1, image-layout.md, image-index.md, manifest.md, config.md.
namespace shardrun::importer {

inline constexpr std::size_t kJsonMax = std::size_t{4} << 20U;
inline constexpr std::size_t kJsonDepthMax = 64;
inline constexpr std::size_t kDescriptorsMax = 4096;

struct Platform {
    std::string os{};
    std::string architecture{};
    std::string variant{};

    bool operator==(const Platform&) const = default;
};

/// A reference to a blob of the layout.
struct Descriptor {
    std::string media_type{};
    blob::Digest digest{};
    std::uint64_t size_bytes = 0;
    Platform platform{};      ///< empty: not said
    std::string reference{};  ///< org.opencontainers.image.ref.name
};

/// An index, or what its media types show to be one manifest.
struct OciDocument {
    bool is_index = false;
    std::vector<Descriptor> manifests{};  ///< index
    Descriptor config{};                  ///< manifest
    std::vector<Descriptor> layers{};     ///< manifest, the lowest first
};
Result<OciDocument> parse_oci_document(std::string_view json);

Result<image::RunConfig> parse_oci_config(std::string_view json);

/// "linux/arm64" or "linux/arm64/v8". Errors: EINVAL.
Result<Platform> parse_platform(std::string_view text);
Platform native_platform();

/// Which manifest of an index is meant: by reference if one is asked for, then by platform. Errors:
/// ENOENT, with what there is.
Result<Descriptor> choose_manifest(const std::vector<Descriptor>& manifests,
                                   const Platform& platform, std::string_view reference);

}  // namespace shardrun::importer
