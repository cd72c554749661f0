#include <doctest/doctest.h>

#include <array>
#include <set>

#include "proto/frame.h"
#include "random_frame.h"

namespace shardrun::proto {
namespace {

TEST_CASE("a frame that keeps every rule comes back as it was sent") {
    std::set<std::size_t> messages;
    std::set<std::size_t> requests;
    for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
        CAPTURE(seed);
        Rng rng(seed);
        const Frame frame = random_frame(rng);
        messages.insert(frame.message.index());
        if (const auto* request = std::get_if<ResourceRequest>(&frame.message))
            requests.insert(request->what.index());
        const auto bytes = encode_frame(frame);
        REQUIRE_MESSAGE(bytes, bytes.error().message);
        const auto decoded = decode_frame(*bytes);
        REQUIRE_MESSAGE(decoded, decoded.error().error.message);
        CHECK(*decoded == frame);
    }
    CHECK(messages.size() == std::variant_size_v<Message>);
    CHECK(requests.size() == std::variant_size_v<ResourceRequest::What>);
}

TEST_CASE("optional fields in another order mean the same") {
    // cpu_weight 5 then pids_max 9, and the other way round.
    const std::array<std::uint8_t, 24> fields{0x02, 0x81, 4, 0, 0, 0, 5, 0, 0, 0,  //
                                              0x07, 0x81, 8, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0};
    const std::array<std::uint8_t, 18> header{26, 0, 0, 0, 1, 1, 0, 0, 1,
                                              0,  0, 0, 0, 0, 0, 0, 2, 0};
    std::vector<std::byte> one;
    std::vector<std::byte> other;
    for (const std::uint8_t byte : header) {
        one.push_back(std::byte{byte});
        other.push_back(std::byte{byte});
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
        one.push_back(std::byte{fields[i]});
        other.push_back(std::byte{fields[(i + 10) % fields.size()]});
    }
    REQUIRE(decode_frame(one));
    REQUIRE(one != other);
    CHECK(decode_frame(one) == decode_frame(other));
}

}  // namespace
}  // namespace shardrun::proto
