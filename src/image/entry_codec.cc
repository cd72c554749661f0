#include "image/entry_codec.h"

#include <algorithm>

namespace shardrun::image {
namespace {

Result<void> write_attributes(ByteWriter& out, const Entry& entry) {
    SR_DO(out.write(entry.mode));
    SR_DO(out.write(entry.uid));
    SR_DO(out.write(entry.gid));
    SR_DO(out.write(static_cast<std::uint64_t>(entry.mtime.seconds)));
    SR_DO(out.write(entry.mtime.nanoseconds));
    SR_ASSERT(entry.xattrs.size() <= kXattrsMax);
    SR_DO(out.write(static_cast<std::uint8_t>(entry.xattrs.size())));
    for (const Xattr& xattr : entry.xattrs) {
        SR_DO(write_sized<std::uint8_t>(out, xattr.name));
        SR_DO(write_sized<std::uint32_t>(out, xattr.value));
    }
    return {};
}

Result<void> read_attributes(ByteReader& in, Entry& entry) {
    SR_TRY(entry.mode, in.read<std::uint16_t>());
    SR_TRY(entry.uid, in.read<std::uint32_t>());
    SR_TRY(entry.gid, in.read<std::uint32_t>());
    SR_TRY(const std::uint64_t seconds, in.read<std::uint64_t>());
    entry.mtime.seconds = static_cast<std::int64_t>(seconds);
    SR_TRY(entry.mtime.nanoseconds, in.read<std::uint32_t>());
    SR_TRY(const std::uint8_t count, in.read<std::uint8_t>());
    for (unsigned i = 0; i < count; ++i) {
        Xattr xattr;
        SR_TRY(xattr.name, read_sized<std::uint8_t>(in));
        SR_TRY(xattr.value, read_sized<std::uint32_t>(in));
        entry.xattrs.push_back(std::move(xattr));
    }
    return {};
}

Result<void> write_file(ByteWriter& out, const Entry& entry) {
    SR_DO(out.write(entry.size_bytes));
    SR_DO(out.write_bytes(entry.digest.bytes));
    return out.write(static_cast<std::uint8_t>(entry.kind));
}

Result<void> read_file(ByteReader& in, Entry& entry) {
    SR_TRY(entry.size_bytes, in.read<std::uint64_t>());
    SR_TRY(const std::span<const std::byte> digest, in.read_bytes(entry.digest.bytes.size()));
    std::ranges::copy(digest, entry.digest.bytes.begin());
    SR_TRY(const std::uint8_t kind, in.read<std::uint8_t>());
    if (kind < 1 || kind > 3) return refuse(EPROTO, "unknown kind {}", kind);
    entry.kind = static_cast<BlobKind>(kind);
    return {};
}

Result<void> write_device(ByteWriter& out, const Entry& entry) {
    SR_DO(out.write(entry.device_major));
    return out.write(entry.device_minor);
}

Result<void> read_device(ByteReader& in, Entry& entry) {
    SR_TRY(entry.device_major, in.read<std::uint32_t>());
    SR_TRY(entry.device_minor, in.read<std::uint32_t>());
    return {};
}

bool is_device(EntryType type) {
    return type == EntryType::char_device || type == EntryType::block_device;
}

}  // namespace

Result<void> write_entry(ByteWriter& out, const Entry& entry) {
    SR_DO(out.write(static_cast<std::uint8_t>(entry.type)));
    SR_DO(write_sized<std::uint16_t>(out, entry.path));
    if (entry.type == EntryType::hard_link) return out.write(entry.link_to);
    SR_DO(write_attributes(out, entry));
    if (entry.type == EntryType::file) return write_file(out, entry);
    if (entry.type == EntryType::symlink) return write_sized<std::uint16_t>(out, entry.target);
    if (is_device(entry.type)) return write_device(out, entry);
    return {};
}

Result<Entry> read_entry(ByteReader& in) {
    Entry entry;
    SR_TRY(const std::uint8_t type, in.read<std::uint8_t>());
    if (type < 1 || type > 8) return refuse(EPROTO, "unknown type {}", type);
    entry.type = static_cast<EntryType>(type);
    SR_TRY(entry.path, read_sized<std::uint16_t>(in));
    if (entry.type == EntryType::hard_link) {
        SR_TRY(entry.link_to, in.read<std::uint32_t>());
        return entry;
    }
    SR_DO(read_attributes(in, entry));
    if (entry.type == EntryType::file) SR_DO(read_file(in, entry));
    if (entry.type == EntryType::symlink) {
        SR_TRY(entry.target, read_sized<std::uint16_t>(in));
    }
    if (is_device(entry.type)) SR_DO(read_device(in, entry));
    return entry;
}

}  // namespace shardrun::image
