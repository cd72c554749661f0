#include "streamer/message.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace shardrun::streamer {
namespace {

FillOrder sample() {
    FillOrder order{JobId{0x1122334455667788}, 4096, {}, Urgency::demand};
    for (std::size_t i = 0; i < 32; ++i) order.digest.bytes[i] = static_cast<std::byte>(i);
    return order;
}

const Report kReport{JobId{7}, Outcome::failed, ENOSPC, 4096, 1'000'000};

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> result;
    for (const int value : values) result.push_back(static_cast<std::byte>(value));
    return result;
}

TEST_CASE("orders and reports come back as they were") {
    for (const Order& order :
         {Order(sample()), Order(PromoteOrder{JobId{1}}), Order(CancelOrder{JobId{2}})})
        CHECK(decode_orders(encode(order)) == std::vector{order});
    CHECK(decode_reports(encode(kReport)) == std::vector{kReport});
}

TEST_CASE("a packet may hold several messages, and is refused as a whole") {
    auto packet = encode(Order(sample()));
    std::ranges::copy(encode(Order(CancelOrder{JobId{2}})), std::back_inserter(packet));
    CHECK(decode_orders(packet) == std::vector{Order(sample()), Order(CancelOrder{JobId{2}})});
    packet.pop_back();
    CHECK(decode_orders(packet).error().code == EPROTO);
}

TEST_CASE("the bytes are those of the table") {
    CHECK(encode(Order(PromoteOrder{JobId{0x0102}})) ==
          bytes({2, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0}));
    CHECK(encode(Order(CancelOrder{JobId{5}})) ==
          bytes({3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0}));
    auto fill = encode(Order(sample()));
    REQUIRE(fill.size() == 64);
    fill.resize(24);
    CHECK(fill == bytes({1,    1,    0,    0,    0,    0,    0,    0,     //
                         0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,  //
                         0,    0x10, 0,    0,    0,    0,    0,    0}));
    CHECK(encode(kReport) ==
          bytes({4, 3,    0, 0, ENOSPC, 0, 0, 0, 7,    0,    0,    0, 0, 0, 0, 0,  //
                 0, 0x10, 0, 0, 0,      0, 0, 0, 0x40, 0x42, 0x0f, 0, 0, 0, 0, 0}));
}

TEST_CASE("every shorter and every longer message is refused") {
    const auto refuses = [](const std::vector<std::byte>& whole, auto decode) {
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK(decode(std::span(whole).first(size)).error().code == EPROTO);
        auto longer = whole;
        longer.push_back(std::byte{0});
        CHECK(decode(std::span<const std::byte>(longer)).error().code == EPROTO);
    };
    refuses(encode(Order(sample())), [](auto part) { return decode_orders(part); });
    refuses(encode(Order(PromoteOrder{})), [](auto part) { return decode_orders(part); });
    refuses(encode(kReport), [](auto part) { return decode_reports(part); });
}

// One byte of a valid message is another one.
template <class Decode>
bool is_refused(std::vector<std::byte> message, std::size_t offset, int value, Decode decode) {
    message[offset] = static_cast<std::byte>(value);
    const auto decoded = decode(message);
    return !decoded && decoded.error().code == EPROTO;
}

TEST_CASE("unknown kinds, outcomes and sizes are refused, and so is what must be 0") {
    const auto fill = encode(Order(sample()));
    const auto report = encode(kReport);
    const auto as_order = [](const auto& message) { return decode_orders(message); };
    const auto as_report = [](const auto& message) { return decode_reports(message); };
    CHECK(is_refused(fill, 0, 0, as_order));
    CHECK(is_refused(fill, 0, 4, as_order));
    CHECK(is_refused(fill, 1, 2, as_order));
    CHECK(is_refused(fill, 2, 3, as_order));
    CHECK(is_refused(fill, 3, 1, as_order));
    CHECK(is_refused(encode(Order(PromoteOrder{})), 2, 1, as_order));
    CHECK(is_refused(report, 2, 1, as_report));
    CHECK(is_refused(fill, 4, 1, as_order));
    CHECK(is_refused(fill, 23, 0x20, as_order));
    CHECK(is_refused(fill, 24, 1, as_order));
    CHECK(is_refused(encode(Order(CancelOrder{})), 1, 1, as_order));
    CHECK(is_refused(report, 0, 1, as_report));
    CHECK(is_refused(report, 1, 5, as_report));
    CHECK(is_refused(report, 5, 0x10, as_report));
}

}  // namespace
}  // namespace shardrun::streamer
