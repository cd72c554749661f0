#include <algorithm>
#include <span>

#include "base/fail.h"
#include "fetcher/message.h"
#include "target.h"

namespace shardrun::fetcher {
namespace {

/// A message either is refused or is the only spelling of what it says.
void check(std::span<const std::byte> bytes) {
    if (const auto order = decode_order(bytes)) {
        const auto again = encode(*order);
        SR_ASSERT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
    }
    if (const auto report = decode_report(bytes)) {
        const auto again = encode(*report);
        SR_ASSERT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
    }
}

}  // namespace
}  // namespace shardrun::fetcher

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    shardrun::fetcher::check(std::as_bytes(std::span(data, size)));
    return 0;
}
