#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "image/import_frame.h"
#include "image/manifest.h"

namespace shardrun::importer {

/// The frames that go to whoever started us.
class Output {
 public:
    /// `fd` stays the caller's.
    explicit Output(int fd) : fd_(fd) {}

    Result<void> write_content(std::span<const std::byte> bytes);
    /// Gives the content its number.
    Result<std::uint32_t> end_content();
    Result<void> write_entry(const image::Entry& entry);
    Result<void> write_edges(const std::vector<image::Edge>& edges);
    Result<void> write_run_config(const image::RunConfig& run);
    Result<void> write_progress(std::uint64_t input_bytes);
    Result<void> write_note(std::string_view sentence);
    /// The last words.
    Result<void> write_refusal(const Error& error);
    Result<void> write_done(std::uint32_t entry_count);

 private:
    Result<void> write(image::FrameType type, std::span<const std::byte> payload);
    Result<void> flush();

    int fd_;
    std::vector<std::byte> waiting_;
    std::uint64_t content_bytes_ = 0;
    std::uint32_t content_count_ = 0;
};

}  // namespace shardrun::importer
