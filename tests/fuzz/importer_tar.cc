// An archive as a plain tar and as a layer: whatever it is, the tree stays one that a manifest can
// hold.

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "base/fail.h"
#include "image/path.h"
#include "importer/tar_source.h"
#include "target.h"

namespace shardrun::importer {
namespace {

class MemorySource final : public ByteSource {
 public:
    MemorySource(std::span<const std::byte> bytes, Budget& budget)
        : rest_(bytes), budget_(budget) {}
    Result<std::size_t> read(std::span<std::byte> bytes) override {
        const std::size_t size = std::min(bytes.size(), rest_.size());
        if (size > 0) std::memcpy(bytes.data(), rest_.data(), size);
        rest_ = rest_.subspan(size);
        budget_.add_input(size);
        return size;
    }

 private:
    std::span<const std::byte> rest_;
    Budget& budget_;
};

void import_as(TarMeaning meaning, std::span<const std::byte> bytes) {
    static const UniqueFd kNull(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    const image::ImportOptions options{
        .limits = {.entries_max = 1000, .bytes_max = 1'000'000, .ratio_max = 1000},
        .special = image::SpecialFiles::keep};
    Context context(options, kNull.get());
    MemorySource source(bytes, context.budget);
    const auto archive = ArchiveReader::open(source);
    if (!archive) return;
    const auto imported = import_tar(context, **archive, meaning);
    if (!imported) SR_ASSERT(!imported.error().message.empty());
    std::string last;
    context.tree.visit([&](const std::string& path, const Node& node) {
        SR_ASSERT(image::check_path(path));
        SR_ASSERT(path.empty() || image::compare_paths(last, path) == std::strong_ordering::less);
        SR_ASSERT(node.children.empty() || context.tree.is_type(node, image::EntryType::directory));
        last = path;
    });
}

}  // namespace
}  // namespace shardrun::importer

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::importer;
    const auto bytes = std::as_bytes(std::span(data, size));
    import_as(TarMeaning::plain, bytes);
    import_as(TarMeaning::layer, bytes);
    return 0;
}
