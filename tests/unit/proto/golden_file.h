#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace shardrun::proto {

/// One vector of tests/golden; its format is described in tests/proto_peer.py, which checks the
/// text against the bytes.
struct GoldenFile {
    std::vector<std::byte> bytes;
    bool is_refusal = false;
    int code = 0;                    ///< of a refusal
    std::uint32_t offset_bytes = 0;  ///< of a refusal
    bool has_unknown = false;        ///< holds fields that a decoder skips and cannot write again
};

/// All vectors by name, without ".hex".
const std::map<std::string, GoldenFile>& golden_files();

}  // namespace shardrun::proto
