#include "importer/content_stream.h"

#include <algorithm>

#include "base/fail.h"

namespace shardrun::importer {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} * 1024;
constexpr std::uint64_t kProgressStep = std::uint64_t{4} << 20U;

}  // namespace

void ContentStream::begin(std::string_view path, bool is_executable) {
    path_ = path;
    size_bytes_ = 0;
    probe_.begin(path, is_executable);
}

Result<void> ContentStream::append(std::span<const std::byte> bytes) {
    SR_DO(budget_.add_content(path_, bytes.size()));
    size_bytes_ += bytes.size();
    since_progress_ += bytes.size();
    probe_.take(bytes);
    SR_DO(output_.write_content(bytes));
    if (since_progress_ < kProgressStep) return {};
    since_progress_ = 0;
    return output_.write_progress(budget_.input_bytes());
}

Result<void> ContentStream::fill_up_to(std::uint64_t size_bytes) {
    static const std::vector<std::byte> kZeros(kBufferSize);
    while (size_bytes_ < size_bytes)
        SR_DO(append(std::span(kZeros).first(
            std::min<std::uint64_t>(size_bytes - size_bytes_, kZeros.size()))));
    return {};
}

Result<std::uint32_t> ContentStream::end() {
    ContentFacts facts = probe_.finish();
    if (is_forgetful()) facts = ContentFacts{.kind = facts.kind};
    facts_bytes_ += facts.size_bytes();
    facts_.push_back(std::move(facts));
    return output_.end_content();
}

Result<std::uint32_t> ContentStream::send(std::string_view path, bool is_executable,
                                          ByteSource& source) {
    begin(path, is_executable);
    buffer_.resize(kBufferSize);
    while (true) {
        SR_TRY(const std::size_t size, while_doing(source.read(buffer_), "read '{}'", path));
        if (size == 0) break;
        SR_DO(append(std::span(buffer_).first(size)));
    }
    return end();
}

}  // namespace shardrun::importer
