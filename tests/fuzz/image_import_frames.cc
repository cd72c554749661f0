// What an importer that was taken over may send: at worst a refusal.

#include <span>
#include <utility>

#include "base/fail.h"
#include "image/import_receiver.h"
#include "image/manifest_codec.h"
#include "target.h"

namespace shardrun::image {
namespace {

class CountingSink final : public ContentSink {
 public:
    Result<void> append(std::span<const std::byte> bytes) override {
        hasher_.update(bytes);
        size_ += bytes.size();
        return {};
    }
    Result<blob::StoredBlob> finish() override {
        return blob::StoredBlob{hasher_.finish(), std::exchange(size_, 0)};
    }

 private:
    blob::Hasher hasher_;
    std::uint64_t size_ = 0;
};

void receive(std::span<const std::byte> bytes) {
    const ImportLimits limits{.entries_max = 100, .bytes_max = 10'000};
    CountingSink sink;
    ImportReceiver receiver(limits, sink);
    while (true) {
        const auto frame = take_frame(bytes);
        if (!frame || !*frame) return;
        bytes = bytes.subspan(kFrameHeaderSize + (*frame)->payload.size());
        if (!receiver.take(**frame)) return;
        SR_ASSERT(receiver.content_bytes() <= limits.bytes_max);
        if (!receiver.is_done()) continue;
        const auto manifest = std::move(receiver).make_manifest();
        if (manifest) SR_ASSERT(decode_manifest(*encode_manifest(*manifest)) == *manifest);
        return;
    }
}

}  // namespace
}  // namespace shardrun::image

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    shardrun::image::receive(std::as_bytes(std::span(data, size)));
    return 0;
}
