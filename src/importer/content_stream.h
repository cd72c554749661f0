#pragma once

#include <string>
#include <vector>

#include "importer/budget.h"
#include "importer/byte_source.h"
#include "importer/content_facts.h"
#include "importer/output.h"

namespace shardrun::importer {

/// Sends the contents of files on, one after the other, counts them and learns from them.
class ContentStream {
 public:
    ContentStream(Output& output, Budget& budget) : output_(output), budget_(budget) {}

    void begin(std::string_view path, bool is_executable);
    Result<void> append(std::span<const std::byte> bytes);
    /// As many zeros as bring the file to `size_bytes`: a hole.
    Result<void> fill_up_to(std::uint64_t size_bytes);
    /// The content's number, which is also its place in `facts`.
    Result<std::uint32_t> end();
    /// A whole file.
    Result<std::uint32_t> send(std::string_view path, bool is_executable, ByteSource& source);

    const std::vector<ContentFacts>& facts() const { return facts_; }
    /// Whether facts were left out because they would have taken too much memory.
    bool is_forgetful() const { return facts_bytes_ >= kFactsMax; }

 private:
    static constexpr std::size_t kFactsMax = std::size_t{256} << 20U;

    Output& output_;
    Budget& budget_;
    ContentProbe probe_;
    std::string path_;
    std::uint64_t size_bytes_ = 0;
    std::uint64_t since_progress_ = 0;
    std::size_t facts_bytes_ = 0;
    std::vector<ContentFacts> facts_;
    std::vector<std::byte> buffer_;
};

}  // namespace shardrun::importer
