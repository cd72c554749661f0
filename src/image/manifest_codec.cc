#include "image/manifest_codec.h"

#include <algorithm>

#include "base/fail.h"
#include "image/entry_codec.h"

namespace shardrun::image {
namespace {

constexpr std::string_view kMagic = "SRIMAGE1";
static_assert(kMagic.size() == kManifestMagicSize);
constexpr std::size_t kVersionAt = 7;
// What the smallest ones need: no count can ask for more memory than its bytes justify.
constexpr std::size_t kEntrySizeMin = 7;
constexpr std::size_t kEdgeSize = 9;
constexpr std::size_t kTextSizeMin = 4;

Result<void> write_texts(ByteWriter& out, const std::vector<std::string>& texts) {
    SR_DO(out.write(static_cast<std::uint32_t>(texts.size())));
    for (const std::string& text : texts) SR_DO(write_sized<std::uint32_t>(out, text));
    return {};
}

Result<std::uint32_t> read_count(ByteReader& in, std::size_t size_min) {
    SR_TRY(const std::uint32_t count, in.read<std::uint32_t>());
    if (count > in.remaining() / size_min)
        return refuse(EPROTO, "{} more would need more than the {} bytes that are left", count,
                      in.remaining());
    return count;
}

Result<std::vector<std::string>> read_texts(ByteReader& in) {
    SR_TRY(const std::uint32_t count, read_count(in, kTextSizeMin));
    std::vector<std::string> texts;
    texts.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        SR_TRY(std::string text, read_sized<std::uint32_t>(in));
        texts.push_back(std::move(text));
    }
    return texts;
}

Result<std::vector<Entry>> read_entries(ByteReader& in) {
    SR_TRY(const std::uint32_t count, read_count(in, kEntrySizeMin));
    std::vector<Entry> entries;
    entries.reserve(std::min<std::size_t>(count, kEntriesMax));
    for (std::uint32_t i = 0; i < count; ++i) {
        SR_TRY(Entry entry, read_entry(in));
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<std::vector<Edge>> read_edges(ByteReader& in) {
    SR_TRY(const std::uint32_t count, read_count(in, kEdgeSize));
    std::vector<Edge> edges;
    edges.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        SR_TRY(const Edge edge, read_edge(in));
        edges.push_back(edge);
    }
    return edges;
}

Result<Manifest> read_manifest(ByteReader& in) {
    SR_TRY(std::vector<Entry> entries, read_entries(in));
    SR_TRY(std::vector<Edge> edges, read_edges(in));
    SR_TRY(RunConfig run, read_run_config(in));
    if (!in.empty()) return refuse(EPROTO, "trailing bytes");
    auto manifest = Manifest::create(std::move(entries), std::move(edges), std::move(run));
    if (!manifest) return refuse(EPROTO, "{}", manifest.error().message);
    return manifest;
}

}  // namespace

Result<void> write_edge(ByteWriter& out, const Edge& edge) {
    SR_DO(out.write(edge.from));
    SR_DO(out.write(edge.to));
    return out.write(static_cast<std::uint8_t>(edge.reason));
}

Result<Edge> read_edge(ByteReader& in) {
    Edge edge;
    SR_TRY(edge.from, in.read<std::uint32_t>());
    SR_TRY(edge.to, in.read<std::uint32_t>());
    SR_TRY(const std::uint8_t reason, in.read<std::uint8_t>());
    if (reason < 1 || reason > 6) return refuse(EPROTO, "unknown reason {}", reason);
    edge.reason = static_cast<EdgeReason>(reason);
    return edge;
}

Result<void> write_run_config(ByteWriter& out, const RunConfig& run) {
    SR_DO(write_texts(out, run.entrypoint));
    SR_DO(write_texts(out, run.command));
    SR_DO(write_texts(out, run.environment));
    SR_DO(write_sized<std::uint32_t>(out, run.working_directory));
    return write_sized<std::uint32_t>(out, run.user);
}

Result<RunConfig> read_run_config(ByteReader& in) {
    RunConfig run;
    SR_TRY(run.entrypoint, read_texts(in));
    SR_TRY(run.command, read_texts(in));
    SR_TRY(run.environment, read_texts(in));
    SR_TRY(run.working_directory, read_sized<std::uint32_t>(in));
    SR_TRY(run.user, read_sized<std::uint32_t>(in));
    return run;
}

Result<std::vector<std::byte>> encode_manifest(const Manifest& manifest) {
    ByteWriter out(kManifestSizeMax);
    SR_DO(out.write_text(kMagic));
    SR_DO(out.write(static_cast<std::uint32_t>(manifest.entries().size())));
    for (const Entry& entry : manifest.entries()) SR_DO(write_entry(out, entry));
    SR_DO(out.write(static_cast<std::uint32_t>(manifest.edges().size())));
    for (const Edge& edge : manifest.edges()) SR_DO(write_edge(out, edge));
    SR_DO(write_run_config(out, manifest.run()));
    return std::move(out).take();
}

bool is_manifest(std::span<const std::byte> bytes) {
    const auto magic = std::as_bytes(std::span(kMagic)).first(kVersionAt);
    return bytes.size() >= kMagic.size() && std::ranges::equal(bytes.first(kVersionAt), magic);
}

Result<Manifest> decode_manifest(std::span<const std::byte> bytes) {
    if (bytes.size() > kManifestSizeMax)
        return refuse(EMSGSIZE, "a manifest of {} bytes is more than {}", bytes.size(),
                      kManifestSizeMax);
    if (!is_manifest(bytes)) return refuse(EPROTO, "this is no manifest of an image");
    if (std::to_integer<char>(bytes[kVersionAt]) != kMagic[kVersionAt])
        return refuse(EPROTO, "the manifest has a version that this shardrun does not know");
    ByteReader in(bytes);
    SR_DO(in.read_bytes(kMagic.size()));
    auto manifest = read_manifest(in);
    if (!manifest)
        return refuse(EPROTO, "the manifest is malformed at byte {}: {}", in.offset(),
                      manifest.error().message);
    return manifest;
}

}  // namespace shardrun::image
