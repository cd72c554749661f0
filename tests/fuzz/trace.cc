// A trace, as it is or compressed, in one piece and cut: what it becomes or the sentence that
// refuses it.

#include <algorithm>
#include <string>
#include <string_view>

#include "base/fail.h"
#include "base/rng.h"
#include "replay/replay_trace.h"
#include "replay/zstd_source.h"
#include "target.h"

namespace shardrun::replay {
namespace {

class CutSource : public ByteSource {
 public:
    CutSource(std::string_view bytes, std::size_t piece_max, std::uint64_t seed)
        : bytes_(bytes), piece_max_(piece_max), rng_(seed) {}

    Result<std::size_t> read(std::span<char> buffer) override {
        SR_ASSERT(!buffer.empty());
        const std::size_t piece = 1 + rng_.below(std::min(piece_max_, buffer.size()));
        const std::size_t size = bytes_.copy(buffer.data(), piece);
        bytes_.remove_prefix(size);
        return size;
    }

 private:
    std::string_view bytes_;
    std::size_t piece_max_;
    Rng rng_;
};

/// The metrics, or the refusal.
struct Outcome {
    ReplayMetrics metrics;
    std::string refusal;

    bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view bytes, std::size_t piece_max, std::uint64_t seed) {
    CutSource file(bytes, piece_max, seed);
    ZstdSource source(file);
    TraceReader trace(source, "f");
    const auto results = replay_trace(trace, {{policy::EvictionPolicy::lru}, Percent{30, 100}});
    if (!results) return {{}, results.error().message};
    return {results->front().metrics, ""};
}

/// The cuts must not matter, except for when damage inside a frame is noticed: before or after the
/// lines that stand before it in the same block.
bool is_same(const Outcome& a, const Outcome& b) {
    const auto is_damage = [](const Outcome& one) {
        return one.refusal.find("zstd") != std::string::npos;
    };
    if (is_damage(a) || is_damage(b)) return !a.refusal.empty() && !b.refusal.empty();
    return a == b;
}

void check(const Outcome& outcome) {
    for (const char c : outcome.refusal) SR_ASSERT(static_cast<unsigned char>(c) >= ' ');
    SR_ASSERT(outcome.refusal.empty() || outcome.refusal.starts_with("f:"));
    SR_ASSERT(outcome.refusal.size() < 400);
    SR_ASSERT(outcome.metrics.misses <= outcome.metrics.requests);
    SR_ASSERT(outcome.metrics.miss_bytes <= outcome.metrics.request_bytes);
    SR_ASSERT(outcome.metrics.evictions <= outcome.metrics.misses);
}

}  // namespace
}  // namespace shardrun::replay

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::replay;
    // One char is as good as another: a view needs no copy.
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Outcome whole = read(bytes, std::max<std::size_t>(size, 1), 1);
    check(whole);
    SR_ASSERT(is_same(read(bytes, 1, 2), whole));
    SR_ASSERT(is_same(read(bytes, 1 + size % 100, 3), whole));
    return 0;
}
