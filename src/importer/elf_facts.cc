#include "importer/elf_facts.h"

#include <elf.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

namespace shardrun::importer {
namespace {

constexpr std::size_t kSegmentsMax = 256;
constexpr std::size_t kDynamicMax = 4096;  // entries
constexpr std::size_t kNeededMax = 512;
constexpr std::size_t kTextMax = 4096;

template <class T>
std::optional<T> read(const PartialFile& file, std::uint64_t offset) {
    const auto bytes = file.at(offset, sizeof(T));
    if (!bytes) return std::nullopt;
    T value;
    std::memcpy(&value, bytes->data(), sizeof value);
    return value;
}

/// The two classes of ELF differ in the widths of their fields only.
struct Class32 {
    using Header = Elf32_Ehdr;
    using Segment = Elf32_Phdr;
    using Dynamic = Elf32_Dyn;
};
struct Class64 {
    using Header = Elf64_Ehdr;
    using Segment = Elf64_Phdr;
    using Dynamic = Elf64_Dyn;
};

template <class Class>
class Parser {
 public:
    explicit Parser(const PartialFile& file) : file_(file) {}

    bool read_segments() {
        const auto header = read<typename Class::Header>(file_, 0);
        if (!header || header->e_phentsize != sizeof(typename Class::Segment)) return false;
        machine_ = header->e_machine;
        const std::size_t count = std::min<std::size_t>(header->e_phnum, kSegmentsMax);
        for (std::size_t i = 0; i < count; ++i) {
            const auto segment = read<typename Class::Segment>(
                file_, std::uint64_t{header->e_phoff} + i * sizeof(typename Class::Segment));
            if (!segment) return false;
            segments_.push_back(*segment);
        }
        return true;
    }

    std::optional<FileRange> dynamic_section() const {
        for (const auto& segment : segments_)
            if (segment.p_type == PT_DYNAMIC) return FileRange{segment.p_offset, segment.p_filesz};
        return std::nullopt;
    }

    ElfFacts facts() const {
        ElfFacts facts;
        facts.is_64 = std::is_same_v<Class, Class64>;
        facts.machine = machine_;
        for (const auto& segment : segments_)
            if (segment.p_type == PT_INTERP)
                facts.interpreter = text_at(segment.p_offset, segment.p_filesz);
        if (const auto section = dynamic_section()) read_dynamic(*section, facts);
        return facts;
    }

 private:
    void read_dynamic(const FileRange& section, ElfFacts& facts) const {
        std::vector<typename Class::Dynamic> entries;
        std::optional<std::uint64_t> strings;
        std::uint64_t strings_size = 0;
        constexpr std::size_t kSize = sizeof(typename Class::Dynamic);
        const std::uint64_t count =
            std::min<std::uint64_t>(section.size_bytes / kSize, kDynamicMax);
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto entry = read<typename Class::Dynamic>(file_, section.offset + i * kSize);
            if (!entry || entry->d_tag == DT_NULL) break;
            entries.push_back(*entry);
            if (entry->d_tag == DT_STRTAB) strings = offset_of(entry->d_un.d_ptr);
            if (entry->d_tag == DT_STRSZ) strings_size = entry->d_un.d_val;
        }
        if (!strings) return;
        for (const auto& entry : entries) {
            const std::uint64_t at = entry.d_un.d_val;
            if (at >= strings_size) continue;
            const auto text = [&] { return text_at(*strings + at, strings_size - at); };
            if (entry.d_tag == DT_NEEDED && facts.needed.size() < kNeededMax)
                facts.needed.push_back(text());
            if (entry.d_tag == DT_RPATH) facts.rpath = text();
            if (entry.d_tag == DT_RUNPATH) facts.runpath = text();
        }
        std::erase(facts.needed, "");
    }

    /// Where in the file an address of the program lies.
    std::optional<std::uint64_t> offset_of(std::uint64_t address) const {
        for (const auto& segment : segments_)
            if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
                address - segment.p_vaddr < segment.p_filesz)
                return address - segment.p_vaddr + segment.p_offset;
        return std::nullopt;
    }

    /// Up to its NUL; empty when it has none within `size`, or is too long.
    std::string text_at(std::uint64_t offset, std::uint64_t size) const {
        size = std::min<std::uint64_t>(size, kTextMax);
        auto bytes = file_.at(offset, size);
        // It may stand at the end of what was kept.
        for (; !bytes && size > 0; size /= 2) bytes = file_.at(offset, size);
        if (!bytes) return {};
        const auto* const begin = reinterpret_cast<const char*>(bytes->data());
        const void* const end = std::memchr(begin, 0, bytes->size());
        if (end == nullptr) return {};
        return std::string(begin, static_cast<const char*>(end));
    }

    const PartialFile& file_;
    std::uint16_t machine_ = 0;
    std::vector<typename Class::Segment> segments_;
};

unsigned identity(std::span<const std::byte> head, std::size_t index) {
    return std::to_integer<unsigned>(head[index]);
}

constexpr unsigned kNativeOrder =
    std::endian::native == std::endian::little ? unsigned{ELFDATA2LSB} : unsigned{ELFDATA2MSB};

/// Calls `use` with the parser of the file's class, its segments read.
template <class Use>
void with_parser(const PartialFile& file, const Use& use) {
    if (!is_elf(file.head) || identity(file.head, EI_DATA) != kNativeOrder) return;
    if (identity(file.head, EI_CLASS) == ELFCLASS64) {
        Parser<Class64> parser(file);
        if (parser.read_segments()) use(parser);
    } else if (identity(file.head, EI_CLASS) == ELFCLASS32) {
        Parser<Class32> parser(file);
        if (parser.read_segments()) use(parser);
    }
}

std::optional<std::span<const std::byte>> part_of(std::span<const std::byte> bytes,
                                                  std::uint64_t begin, std::uint64_t offset,
                                                  std::uint64_t size) {
    if (offset < begin || offset - begin > bytes.size() || size > bytes.size() - (offset - begin))
        return std::nullopt;
    return bytes.subspan(offset - begin, size);
}

}  // namespace

std::optional<std::span<const std::byte>> PartialFile::at(std::uint64_t offset,
                                                          std::uint64_t size) const {
    if (const auto part = part_of(head, 0, offset, size)) return part;
    return part_of(piece, piece_offset, offset, size);
}

bool is_elf(std::span<const std::byte> head) {
    return head.size() >= EI_NIDENT && std::memcmp(head.data(), ELFMAG, SELFMAG) == 0;
}

std::optional<FileRange> find_dynamic_section(std::span<const std::byte> head) {
    std::optional<FileRange> range;
    with_parser({head}, [&](const auto& parser) { range = parser.dynamic_section(); });
    return range;
}

std::optional<ElfFacts> parse_elf(const PartialFile& file) {
    std::optional<ElfFacts> facts;
    with_parser(file, [&](const auto& parser) { facts = parser.facts(); });
    return facts;
}

}  // namespace shardrun::importer
