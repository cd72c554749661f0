#include "image/tar_writer.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/fail.h"

namespace shardrun::image {
namespace {

constexpr std::size_t kBlock = 512;
using Block = std::array<char, kBlock>;

/// A field of the header: where it is and how long.
struct Field {
    std::size_t at;
    std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kType{156, 1};
constexpr Field kLink{157, 100};
constexpr Field kMagic{257, 8};
constexpr Field kMajor{329, 8};
constexpr Field kMinor{337, 8};

/// The largest number that an octal field holds beside its final NUL.
constexpr std::uint64_t largest_of(Field field) {
    return (std::uint64_t{1} << (3 * (field.size - 1))) - 1;
}

void put_text(Block& block, Field field, std::string_view text) {
    SR_ASSERT(text.size() <= field.size);
    std::ranges::copy(text, block.begin() + static_cast<std::ptrdiff_t>(field.at));
}

void put_number(Block& block, Field field, std::uint64_t value) {
    put_text(block, field, fmt::format("{:0{}o}", value, field.size - 1));
}

void put_checksum(Block& block) {
    put_text(block, kChecksum, "        ");
    const unsigned sum = std::accumulate(
        block.begin(), block.end(), 0U,
        [](unsigned before, char c) { return before + static_cast<unsigned char>(c); });
    put_text(block, kChecksum, fmt::format("{:06o}", sum));
    block[kChecksum.at + 6] = '\0';
}

/// "LENGTH KEY=VALUE\n", where the length counts itself.
void add_record(std::string& records, std::string_view key, std::string_view value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (fmt::formatted_size("{}", length) + rest > length) ++length;
    records += fmt::format("{} {}=", length, key);
    records.append(value).append("\n");
}

char type_flag(EntryType type) {
    switch (type) {
        case EntryType::file:
            return '0';
        case EntryType::hard_link:
            return '1';
        case EntryType::symlink:
            return '2';
        case EntryType::char_device:
            return '3';
        case EntryType::block_device:
            return '4';
        case EntryType::directory:
            return '5';
        case EntryType::fifo:
            return '6';
        case EntryType::socket:
            break;
    }
    return '\0';
}

std::string name_in_tar(const Entry& entry) {
    if (entry.path.empty()) return "./";
    return entry.type == EntryType::directory ? entry.path + "/" : entry.path;
}

/// What the header's own fields cannot hold, as pax records.
std::string records_for(const Entry& entry, const std::string& name, const std::string& link) {
    std::string records;
    if (name.size() > kName.size) add_record(records, "path", name);
    if (link.size() > kLink.size) add_record(records, "linkpath", link);
    if (entry.uid > largest_of(kUid)) add_record(records, "uid", fmt::format("{}", entry.uid));
    if (entry.gid > largest_of(kGid)) add_record(records, "gid", fmt::format("{}", entry.gid));
    if (entry.size_bytes > largest_of(kSize))
        add_record(records, "size", fmt::format("{}", entry.size_bytes));
    const FileTime& time = entry.mtime;
    if (time.nanoseconds != 0 && time.seconds < 0) {
        // A decimal fraction counts towards zero, a FileTime away from the past.
        add_record(records, "mtime",
                   fmt::format("-{}.{:09}", -(time.seconds + 1), 1'000'000'000 - time.nanoseconds));
    } else if (time.nanoseconds != 0 || time.seconds < 0 ||
               static_cast<std::uint64_t>(time.seconds) > largest_of(kMtime)) {
        add_record(records, "mtime", fmt::format("{}.{:09}", time.seconds, time.nanoseconds));
    }
    for (const Xattr& xattr : entry.xattrs)
        add_record(records, "SCHILY.xattr." + xattr.name, xattr.value);
    return records;
}

Block make_block(char type, std::string_view name) {
    Block block{};
    put_text(block, kName, name.substr(0, kName.size));
    put_text(block, kType, {&type, 1});
    put_text(block, kMagic, {"ustar\00000", 8});
    return block;
}

Result<void> write_padded(const TarWriter::Output& output, std::string_view text) {
    SR_DO(output(std::as_bytes(std::span(text))));
    const Block zeros{};
    const std::size_t rest = (kBlock - text.size() % kBlock) % kBlock;
    return output(std::as_bytes(std::span(zeros)).first(rest));
}

Result<void> write_records(const TarWriter::Output& output, const std::string& records) {
    if (records.empty()) return {};
    Block block = make_block('x', "././@PaxHeader");
    put_number(block, kMode, 0644);
    put_number(block, kSize, records.size());
    put_checksum(block);
    SR_DO(output(std::as_bytes(std::span(block))));
    return write_padded(output, records);
}

/// What does not fit stands in a record, which readers prefer.
void put_numbers(Block& block, const Entry& entry) {
    const auto fitting = [](std::uint64_t value, Field field) {
        return value <= largest_of(field) ? value : 0;
    };
    put_number(block, kMode, entry.mode);
    put_number(block, kUid, fitting(entry.uid, kUid));
    put_number(block, kGid, fitting(entry.gid, kGid));
    put_number(block, kSize, fitting(entry.size_bytes, kSize));
    const std::int64_t seconds = std::max<std::int64_t>(entry.mtime.seconds, 0);
    put_number(block, kMtime, fitting(static_cast<std::uint64_t>(seconds), kMtime));
    put_number(block, kMajor, fitting(entry.device_major, kMajor));
    put_number(block, kMinor, fitting(entry.device_minor, kMinor));
}

}  // namespace

Result<bool> TarWriter::write_header(const Entry& entry, const std::string& link_path) {
    if (entry.type == EntryType::socket) return false;
    const std::string name = name_in_tar(entry);
    const std::string& link = entry.type == EntryType::hard_link ? link_path : entry.target;
    SR_DO(write_records(output_, records_for(entry, name, link)));
    Block block = make_block(type_flag(entry.type), name);
    put_text(block, kLink, std::string_view(link).substr(0, kLink.size));
    put_numbers(block, entry);
    put_checksum(block);
    SR_DO(output_(std::as_bytes(std::span(block))));
    return true;
}

Result<void> TarWriter::write_content(std::span<const std::byte> bytes) {
    content_bytes_ += bytes.size();
    return output_(bytes);
}

Result<void> TarWriter::end_content() {
    const Block zeros{};
    const std::size_t rest = (kBlock - content_bytes_ % kBlock) % kBlock;
    content_bytes_ = 0;
    return output_(std::as_bytes(std::span(zeros)).first(rest));
}

Result<void> TarWriter::finish() {
    const Block zeros{};
    SR_DO(output_(std::as_bytes(std::span(zeros))));
    return output_(std::as_bytes(std::span(zeros)));
}

}  // namespace shardrun::image
