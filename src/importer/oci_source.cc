#include "importer/oci_source.h"

#include "base/fail.h"
#include "importer/archive_reader.h"
#include "importer/oci_json.h"
#include "importer/tar_source.h"

namespace shardrun::importer {
namespace {

constexpr int kIndexDepthMax = 4;
constexpr std::size_t kStep = std::size_t{64} * 1024;

/// Passes bytes on, and knows in the end whether they were the right ones.
class CheckedSource final : public ByteSource {
 public:
    CheckedSource(std::unique_ptr<ByteSource> source, const Descriptor& descriptor)
        : source_(std::move(source)), descriptor_(descriptor) {}

    Result<std::size_t> read(std::span<std::byte> bytes) override {
        SR_TRY(const std::size_t size, source_->read(bytes));
        size_bytes_ += size;
        if (size_bytes_ > descriptor_.size_bytes)
            return refuse(EBADMSG, "it has more than the {} bytes by which it was named",
                          descriptor_.size_bytes);
        hasher_.update(bytes.first(size));
        return size;
    }

    /// Reads what is left, too: behind an archive's end there may be more.
    Result<void> finish() {
        std::vector<std::byte> rest(kStep);
        while (true) {
            SR_TRY(const std::size_t size, read(rest));
            if (size == 0) break;
        }
        if (size_bytes_ != descriptor_.size_bytes || hasher_.finish() != descriptor_.digest)
            return refuse(EBADMSG, "it has other bytes than the digest by which it was named");
        return {};
    }

 private:
    std::unique_ptr<ByteSource> source_;
    const Descriptor& descriptor_;
    blob::Hasher hasher_;
    std::uint64_t size_bytes_ = 0;
};

class OciImport {
 public:
    OciImport(Context& context, LayoutFiles& files) : context_(context), files_(files) {}

    Result<void> run() {
        Platform platform = native_platform();
        if (!context_.options.platform.empty()) {
            SR_TRY(platform, parse_platform(context_.options.platform));
        }
        SR_TRY(const std::string index, read_index());
        SR_TRY(OciDocument document, while_doing(parse_oci_document(index), "index.json"));
        std::string reference = context_.options.reference;
        for (int depth = 0; document.is_index; ++depth) {
            if (depth == kIndexDepthMax)
                return refuse(E2BIG, "indexes are nested deeper than {}", kIndexDepthMax);
            SR_TRY(const Descriptor chosen,
                   choose_manifest(document.manifests, platform, reference));
            reference.clear();  // It is a name within the outermost index.
            SR_TRY(const std::string text, read_document(chosen));
            SR_TRY(document,
                   while_doing(parse_oci_document(text), "blob {}", blob::to_hex(chosen.digest)));
        }
        return import_manifest(document);
    }

 private:
    Result<void> import_manifest(const OciDocument& manifest) {
        SR_TRY(const std::string config, read_document(manifest.config));
        SR_TRY(context_.run, while_doing(parse_oci_config(config), "the image's configuration"));
        SR_DO(context_.budget.check_layers(manifest.layers.size()));
        for (std::size_t i = 0; i < manifest.layers.size(); ++i)
            SR_DO(while_doing(import_layer(manifest.layers[i]), "layer {} of {}", i + 1,
                              manifest.layers.size()));
        return {};
    }

    Result<void> import_layer(const Descriptor& layer) {
        SR_TRY(std::unique_ptr<ByteSource> bytes, open_blob(layer));
        CheckedSource source(std::move(bytes), layer);
        SR_TRY(const std::unique_ptr<ArchiveReader> archive, ArchiveReader::open(source));
        SR_DO(import_tar(context_, *archive, TarMeaning::layer));
        return source.finish();
    }

    Result<std::unique_ptr<ByteSource>> open_blob(const Descriptor& descriptor) {
        return files_.open("blobs/sha256/" + blob::to_hex(descriptor.digest));
    }

    Result<std::string> read_index() {
        SR_TRY(const std::unique_ptr<ByteSource> source, files_.open("index.json"));
        return read_all(*source);
    }

    Result<std::string> read_document(const Descriptor& descriptor) {
        SR_TRY(std::unique_ptr<ByteSource> bytes, open_blob(descriptor));
        CheckedSource source(std::move(bytes), descriptor);
        const auto read = [&]() -> Result<std::string> {
            SR_TRY(std::string text, read_all(source));
            SR_DO(source.finish());
            return text;
        };
        return while_doing(read(), "blob {}", blob::to_hex(descriptor.digest));
    }

    static Result<std::string> read_all(ByteSource& source) {
        std::string text;
        std::vector<std::byte> buffer(kStep);
        while (text.size() <= kJsonMax) {
            SR_TRY(const std::size_t size, source.read(buffer));
            if (size == 0) return text;
            text.append(reinterpret_cast<const char*>(buffer.data()), size);
        }
        return refuse(E2BIG, "more than {} bytes of JSON", kJsonMax);
    }

    Context& context_;
    LayoutFiles& files_;
};

}  // namespace

Result<void> import_oci_layout(Context& context, LayoutFiles& files) {
    return OciImport(context, files).run();
}

}  // namespace shardrun::importer
