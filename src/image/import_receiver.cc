#include "image/import_receiver.h"

#include <algorithm>

#include "base/byte_cursor.h"
#include "base/fail.h"
#include "image/entry_codec.h"
#include "image/manifest_codec.h"

namespace shardrun::image {
namespace {

constexpr std::size_t kNotesMax = 100;
constexpr std::size_t kTextMax = 16384;  // A path may stand in it.

std::string text_of(std::span<const std::byte> bytes) {
    bytes = bytes.first(std::min(bytes.size(), kTextMax));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<void> expect_end(const ByteReader& in) {
    if (!in.empty()) return refuse(EPROTO, "trailing bytes");
    return {};
}

}  // namespace

Result<void> ImportReceiver::take(const ImportFrame& frame) {
    if (is_done_) return refuse(EPROTO, "a frame after the last one");
    ByteReader in(frame.payload);
    switch (frame.type) {
        case FrameType::content:
            return take_content(frame.payload);
        case FrameType::content_end:
            return take_content_end(frame.payload);
        case FrameType::entry:
            return take_entry(frame.payload);
        case FrameType::edge:
            return take_edges(frame.payload);
        case FrameType::run: {
            SR_TRY(run_, read_run_config(in));
            return expect_end(in);
        }
        case FrameType::progress: {
            SR_TRY(input_bytes_, in.read<std::uint64_t>());
            return expect_end(in);
        }
        case FrameType::note:
            if (notes_.size() < kNotesMax) notes_.push_back(text_of(frame.payload));
            return {};
        case FrameType::refusal: {
            SR_TRY(const std::uint32_t code, in.read<std::uint32_t>());
            // A code of no errno value is none of ours.
            const bool is_errno = code > 0 && code < 4096;
            return refuse(is_errno ? static_cast<int>(code) : EPROTO, "{}",
                          text_of(frame.payload.subspan(in.offset())));
        }
        case FrameType::done:
            return take_done(frame.payload);
    }
    return refuse(EPROTO, "unknown frame");
}

Result<void> ImportReceiver::take_content(std::span<const std::byte> bytes) {
    open_content_bytes_ += bytes.size();
    content_bytes_ += bytes.size();
    if (content_bytes_ > limits_.bytes_max)
        return refuse(E2BIG, "the files have more than {} bytes", limits_.bytes_max);
    return sink_.append(bytes);
}

Result<void> ImportReceiver::take_content_end(std::span<const std::byte> payload) {
    ByteReader in(payload);
    SR_TRY(const std::uint64_t size, in.read<std::uint64_t>());
    SR_DO(expect_end(in));
    if (size != open_content_bytes_)
        return refuse(EPROTO, "{} bytes of a file of {}", open_content_bytes_, size);
    // Contents that no entry names count as well: they cost as much.
    if (contents_.size() >= 2 * limits_.entries_max)
        return refuse(E2BIG, "more than {} files", 2 * limits_.entries_max);
    SR_TRY(const blob::StoredBlob blob, sink_.finish());
    contents_.push_back(blob);
    open_content_bytes_ = 0;
    return {};
}

Result<void> ImportReceiver::take_entry(std::span<const std::byte> payload) {
    if (entries_.size() >= std::min<std::uint64_t>(limits_.entries_max, kEntriesMax))
        return refuse(E2BIG, "more than {} entries", entries_.size());
    ByteReader in(payload);
    SR_TRY(Entry entry, read_entry(in));
    SR_DO(expect_end(in));
    if (entry.type == EntryType::file) SR_DO(set_content(entry));
    entries_.push_back(std::move(entry));
    return {};
}

Result<void> ImportReceiver::set_content(Entry& entry) const {
    ByteReader in(entry.digest.bytes);
    SR_TRY(const std::uint32_t number, in.read<std::uint32_t>());
    SR_TRY(const std::span<const std::byte> rest, in.read_bytes(in.remaining()));
    const bool is_plain = std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{}; });
    if (number >= contents_.size() || !is_plain || entry.size_bytes != 0)
        return refuse(EPROTO, "'{}' has no content", entry.path);
    entry.digest = contents_[number].digest;
    entry.size_bytes = contents_[number].size_bytes;
    return {};
}

Result<void> ImportReceiver::take_edges(std::span<const std::byte> payload) {
    ByteReader in(payload);
    while (!in.empty()) {
        if (edges_.size() >= kEdgesMax) return refuse(E2BIG, "more than {} edges", kEdgesMax);
        SR_TRY(const Edge edge, read_edge(in));
        edges_.push_back(edge);
    }
    return {};
}

Result<void> ImportReceiver::take_done(std::span<const std::byte> payload) {
    ByteReader in(payload);
    SR_TRY(const std::uint32_t count, in.read<std::uint32_t>());
    SR_DO(expect_end(in));
    if (count != entries_.size() || open_content_bytes_ != 0)
        return refuse(EPROTO, "the end comes too early");
    is_done_ = true;
    return {};
}

Result<Manifest> ImportReceiver::make_manifest() && {
    SR_ASSERT(is_done_);
    return Manifest::create(std::move(entries_), std::move(edges_), std::move(run_));
}

}  // namespace shardrun::image
