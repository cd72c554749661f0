#include "fetcher/message.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace shardrun::fetcher {
namespace {

FetchOrder sample() {
    FetchOrder order{JobId{0x1122334455667788}, 4096, 8192, {}, Urgency::demand};
    for (std::size_t i = 0; i < 32; ++i) order.digest.bytes[i] = static_cast<std::byte>(i);
    return order;
}

const Report kReport{JobId{7}, Outcome::failed, 1, EIO, 503, 4096, 1'000'000, 5, "why"};

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> result;
    for (const int value : values) result.push_back(static_cast<std::byte>(value));
    return result;
}

TEST_CASE("the fetcher's orders and reports come back as they were") {
    for (const Order& order :
         {Order(sample()), Order(PromoteOrder{JobId{1}}), Order(CancelOrder{JobId{2}})})
        CHECK(decode_order(encode(order)) == order);
    CHECK(decode_report(encode(kReport)) == kReport);
}

TEST_CASE("the bytes are those of the fetcher's table") {
    CHECK(encode(Order(CancelOrder{JobId{5}})) ==
          bytes({3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0}));
    auto fetch = encode(Order(sample()));
    REQUIRE(fetch.size() == 64);
    fetch.resize(33);
    CHECK(fetch == bytes({1,    1,    0,    0,    0,    0,    0,    0,     //
                          0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,  //
                          0,    0x10, 0,    0,    0,    0,    0,    0,     //
                          0,    0x20, 0,    0,    0,    0,    0,    0,    0}));
    CHECK(encode(kReport) ==
          bytes({4, 4,    1, 0, EIO, 0, 0xf7, 1, 7,    0,    0,    0, 0, 0, 0, 0,
                 0, 0x10, 0, 0, 0,   0, 0,    0, 0x40, 0x42, 0x0f, 0, 0, 0, 0, 0,  //
                 5, 0,    0, 0, 3,   0, 0,    0, 'w',  'h',  'y'}));
}

TEST_CASE("every shorter and every longer message of the fetcher is refused") {
    const auto refuses = [](const std::vector<std::byte>& whole, auto decode) {
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK(decode(std::span(whole).first(size)).error().code == EPROTO);
        auto longer = whole;
        longer.push_back(std::byte{0});
        CHECK(decode(std::span<const std::byte>(longer)).error().code == EPROTO);
    };
    refuses(encode(Order(sample())), [](auto part) { return decode_order(part); });
    refuses(encode(Order(PromoteOrder{})), [](auto part) { return decode_order(part); });
    refuses(encode(kReport), [](auto part) { return decode_report(part); });
}

// One byte of a valid message is another one.
template <class Decode>
bool is_refused(std::vector<std::byte> message, std::size_t offset, int value, Decode decode) {
    message[offset] = static_cast<std::byte>(value);
    const auto decoded = decode(message);
    return !decoded && decoded.error().code == EPROTO;
}

TEST_CASE("what a fetcher's message cannot mean is refused") {
    const auto fetch = encode(Order(sample()));
    const auto report = encode(kReport);
    const auto as_order = [](const auto& message) { return decode_order(message); };
    const auto as_report = [](const auto& message) { return decode_report(message); };
    for (const std::size_t reserved : {2U, 4U, 6U}) CHECK(is_refused(fetch, reserved, 1, as_order));
    CHECK(is_refused(fetch, 0, 0, as_order));
    CHECK(is_refused(fetch, 0, 4, as_order));
    CHECK(is_refused(fetch, 1, 2, as_order));
    CHECK(is_refused(fetch, 18, 1, as_order));     // Larger than its bound.
    CHECK(is_refused(fetch, 31, 0x20, as_order));  // A bound beyond all files.
    CHECK(is_refused(encode(Order(CancelOrder{})), 1, 1, as_order));
    CHECK(is_refused(report, 0, 1, as_report));
    CHECK(is_refused(report, 1, 6, as_report));
    CHECK(is_refused(report, 5, 0x10, as_report));   // No errno value.
    CHECK(is_refused(report, 7, 0x04, as_report));   // No status.
    CHECK(is_refused(report, 38, 1, as_report));     // Reserved.
    CHECK(is_refused(report, 40, '\n', as_report));  // It goes to logs.
    CHECK(is_refused(report, 40, 0xff, as_report));
}

TEST_CASE("a reason is cut and made printable when it is sent") {
    Report report = kReport;
    report.reason = "a\nb\xff" + std::string(2 * kReasonSizeMax, 'x');
    const auto decoded = decode_report(encode(report));
    REQUIRE(decoded);
    CHECK(decoded->reason.size() == kReasonSizeMax);
    CHECK(decoded->reason.starts_with("a?b?xxx"));
    CHECK(decoded->reason.ends_with("x..."));
}

}  // namespace
}  // namespace shardrun::fetcher
