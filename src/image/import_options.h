#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shardrun/error.h"

namespace shardrun::image {

/// What becomes of device nodes, FIFOs and sockets. To keep them is a grant.
enum class SpecialFiles : std::uint8_t { refuse = 0, skip = 1, keep = 2 };

/// What an import may grow to; beyond it is refused with the path that was too much.
struct ImportLimits {
    std::uint64_t entries_max = 1'000'000;
    std::uint64_t bytes_max = std::uint64_t{64} << 30U;  ///< of all files together
    std::uint64_t ratio_max = 1000;  ///< bytes unpacked for each byte read, after the first 16 MiB
    std::uint64_t depth_max = 128;   ///< names in a path
    std::uint64_t name_max = 255;    ///< bytes of a name
    std::uint64_t layers_max = 256;  ///< of an OCI image
    std::uint64_t memory_max_bytes = std::uint64_t{2} << 30U;  ///< of the importer's process

    bool operator==(const ImportLimits&) const = default;
};

struct ImportOptions {
    ImportLimits limits{};
    SpecialFiles special = SpecialFiles::refuse;
    std::uint32_t uid = 65534;  ///< the importer's own; only where it starts as root
    /// OCI: "linux/arm64/v8"; empty: this machine's.
    std::string platform{};
    /// OCI: the image of this org.opencontainers.image.ref.name; empty: the only one.
    std::string reference{};

    bool operator==(const ImportOptions&) const = default;
};

/// As the importer's command line, "entries_max=1000".
std::vector<std::string> to_arguments(const ImportOptions& options);
/// Errors: EINVAL.
Result<ImportOptions> parse_import_arguments(const std::vector<std::string_view>& arguments);

// What the importer finds open: the input, where it writes frames (import_frame.h), and whom it
// asks for files of an input that is a directory.
inline constexpr int kInputFd = 3;
inline constexpr int kOutputFd = 4;
inline constexpr int kBrokerFd = 5;

}  // namespace shardrun::image
