#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

#include "base/fail.h"
#include "streamer/message.h"
#include "target.h"

namespace shardrun::streamer {
namespace {

template <class Message>
std::vector<std::byte> encode_all(const std::vector<Message>& messages) {
    std::vector<std::byte> all;
    for (const Message& message : messages)
        std::ranges::copy(encode(message), std::back_inserter(all));
    return all;
}

/// A packet either is refused or is the only spelling of what it says.
void check(std::span<const std::byte> bytes) {
    if (const auto orders = decode_orders(bytes)) {
        const auto again = encode_all(*orders);
        SR_ASSERT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
    }
    if (const auto reports = decode_reports(bytes)) {
        const auto again = encode_all(*reports);
        SR_ASSERT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
    }
}

}  // namespace
}  // namespace shardrun::streamer

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    shardrun::streamer::check(std::as_bytes(std::span(data, size)));
    return 0;
}
