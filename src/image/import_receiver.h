#pragma once

#include <string>
#include <vector>

#include "blob/store.h"
#include "image/import_frame.h"
#include "image/import_options.h"
#include "image/manifest.h"

namespace shardrun::image {

/// Where the contents of files go, one after the other. The digest is the sink's own finding.
class ContentSink {
 public:
    ContentSink() = default;
    ContentSink(const ContentSink&) = delete;
    ContentSink& operator=(const ContentSink&) = delete;
    virtual ~ContentSink() = default;

    virtual Result<void> append(std::span<const std::byte> bytes) = 0;
    /// What came since the last call is one blob.
    virtual Result<blob::StoredBlob> finish() = 0;
};

/// Turns the importer's frames into a manifest, and believes nothing: the limits are counted here
/// again, and what comes out has passed Manifest::create.
class ImportReceiver {
 public:
    ImportReceiver(const ImportLimits& limits, ContentSink& sink) : limits_(limits), sink_(sink) {}

    /// Errors: EPROTO for a frame that may not come now; the importer's own refusal; E2BIG.
    Result<void> take(const ImportFrame& frame);

    bool is_done() const { return is_done_; }
    /// After the last frame. Errors: those of Manifest::create.
    Result<Manifest> make_manifest() &&;

    std::uint64_t input_bytes() const { return input_bytes_; }
    std::uint64_t content_bytes() const { return content_bytes_; }
    std::uint64_t content_count() const { return contents_.size(); }
    const std::vector<std::string>& notes() const { return notes_; }

 private:
    Result<void> take_content(std::span<const std::byte> bytes);
    Result<void> take_content_end(std::span<const std::byte> payload);
    Result<void> take_entry(std::span<const std::byte> payload);
    Result<void> take_edges(std::span<const std::byte> payload);
    Result<void> take_done(std::span<const std::byte> payload);
    Result<void> set_content(Entry& entry) const;

    const ImportLimits& limits_;
    ContentSink& sink_;
    std::uint64_t open_content_bytes_ = 0;
    std::uint64_t content_bytes_ = 0;
    std::uint64_t input_bytes_ = 0;
    std::vector<blob::StoredBlob> contents_;
    std::vector<Entry> entries_;
    std::vector<Edge> edges_;
    RunConfig run_;
    std::vector<std::string> notes_;
    bool is_done_ = false;
};

}  // namespace shardrun::image
