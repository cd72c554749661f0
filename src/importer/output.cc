#include "importer/output.h"

#include <algorithm>

#include "base/byte_cursor.h"
#include "base/fail.h"
#include "image/entry_codec.h"
#include "image/manifest_codec.h"
#include "sys/file_io.h"

namespace shardrun::importer {
namespace {

using image::FrameType;

constexpr std::size_t kFlushFrom = std::size_t{256} * 1024;
constexpr std::size_t kContentMax = std::size_t{1} << 20U;
constexpr std::size_t kEdgesInFrame = 50'000;
constexpr std::size_t kRefusalMax = 16384;

template <WireInteger T>
std::vector<std::byte> little_endian(T value) {
    ByteWriter out(sizeof value);
    const bool fits = out.write(value).has_value();
    SR_ASSERT(fits);
    return std::move(out).take();
}

}  // namespace

Result<void> Output::write(FrameType type, std::span<const std::byte> payload) {
    if (payload.size() > image::kFramePayloadMax)
        return refuse(EMSGSIZE, "{} bytes are too much for one frame", payload.size());
    const std::vector<std::byte> header = image::frame_header(type, payload.size());
    waiting_.insert(waiting_.end(), header.begin(), header.end());
    waiting_.insert(waiting_.end(), payload.begin(), payload.end());
    return waiting_.size() < kFlushFrom ? Result<void>() : flush();
}

Result<void> Output::flush() {
    SR_DO(sys::write_all(fd_, waiting_));
    waiting_.clear();
    return {};
}

Result<void> Output::write_content(std::span<const std::byte> bytes) {
    content_bytes_ += bytes.size();
    while (!bytes.empty()) {
        const auto part = bytes.first(std::min(bytes.size(), kContentMax));
        SR_DO(write(FrameType::content, part));
        bytes = bytes.subspan(part.size());
    }
    return {};
}

Result<std::uint32_t> Output::end_content() {
    SR_DO(write(FrameType::content_end, little_endian(content_bytes_)));
    content_bytes_ = 0;
    return content_count_++;
}

Result<void> Output::write_entry(const image::Entry& entry) {
    ByteWriter out(image::kFramePayloadMax);
    SR_DO(image::write_entry(out, entry));
    return write(FrameType::entry, out.bytes());
}

Result<void> Output::write_edges(const std::vector<image::Edge>& edges) {
    ByteWriter out(image::kFramePayloadMax);
    for (std::size_t i = 0; i < edges.size(); ++i) {
        SR_DO(image::write_edge(out, edges[i]));
        if ((i + 1) % kEdgesInFrame != 0 && i + 1 != edges.size()) continue;
        SR_DO(write(FrameType::edge, out.bytes()));
        out = ByteWriter(image::kFramePayloadMax);
    }
    return {};
}

Result<void> Output::write_run_config(const image::RunConfig& run) {
    ByteWriter out(image::kFramePayloadMax);
    SR_DO(image::write_run_config(out, run));
    return write(FrameType::run, out.bytes());
}

Result<void> Output::write_progress(std::uint64_t input_bytes) {
    SR_DO(write(FrameType::progress, little_endian(input_bytes)));
    return flush();
}

Result<void> Output::write_note(std::string_view sentence) {
    return write(FrameType::note, std::as_bytes(std::span(sentence)));
}

Result<void> Output::write_refusal(const Error& error) {
    ByteWriter out(image::kFramePayloadMax);
    SR_DO(out.write(static_cast<std::uint32_t>(error.code)));
    SR_DO(out.write_text(std::string_view(error.message).substr(0, kRefusalMax)));
    SR_DO(write(FrameType::refusal, out.bytes()));
    return flush();
}

Result<void> Output::write_done(std::uint32_t entry_count) {
    SR_DO(write(FrameType::done, little_endian(entry_count)));
    return flush();
}

}  // namespace shardrun::importer
