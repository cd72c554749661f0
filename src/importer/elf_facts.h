#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace shardrun::importer {

/// What an ELF program or library says of the files it needs.
struct ElfFacts {
    bool is_64 = false;
    std::uint16_t machine = 0;
    std::string interpreter{};          ///< PT_INTERP
    std::vector<std::string> needed{};  ///< DT_NEEDED
    std::string rpath{};                ///< DT_RPATH
    std::string runpath{};              ///< DT_RUNPATH

    bool operator==(const ElfFacts&) const = default;
};

/// The parts of a file that were kept: its beginning, and perhaps a piece from further on.
struct PartialFile {
    std::span<const std::byte> head;
    std::span<const std::byte> piece{};
    std::uint64_t piece_offset = 0;

    /// None unless one part has all of it.
    std::optional<std::span<const std::byte>> at(std::uint64_t offset, std::uint64_t size) const;
};

/// Where in the file the dynamic section lies.
struct FileRange {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
};

bool is_elf(std::span<const std::byte> head);

/// None when the headers are not in `head`, or there is no such section. Pure.
std::optional<FileRange> find_dynamic_section(std::span<const std::byte> head);

/// As much as can be told from what was kept; none for what is no ELF file in this machine's byte
/// order. Pure, bounded. Source: elf(5).
std::optional<ElfFacts> parse_elf(const PartialFile& file);

}  // namespace shardrun::importer
