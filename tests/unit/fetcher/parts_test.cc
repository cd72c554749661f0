// The small parts: what answers say, what they mean, where bytes go, whose turn it is.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <string>

#include "fetcher/destination.h"
#include "fetcher/http_verdict.h"
#include "fetcher/response_head.h"
#include "fetcher/transfer_slots.h"
#include "sys/file_io.h"

namespace shardrun::fetcher {
namespace {

using Kind = AttemptEnd::Kind;

TEST_CASE("a Content-Range says which part of what comes") {
    CHECK(parse_content_range("bytes 5-9/10") == ContentRange{5, 9, 10});
    CHECK(parse_content_range("bytes 0-0/1") == ContentRange{0, 0, 1});
    CHECK(parse_content_range("bytes 5-9/*") == ContentRange{5, 9, {}});
}

TEST_CASE("a Content-Range that is anything else, or contradicts itself, is none") {
    for (const char* text : {"", "bytes", "bytes 5-9", "5-9/10", "bytes -9/10", "bytes 9-5/10",
                             "bytes 5-10/10", "bytes 5-9/10 ", "bytes */10", "bytes 5-9/",
                             "bytes +5-9/10", "lines 5-9/10", "bytes 99999999999999999999-9/10"}) {
        CAPTURE(text);
        CHECK(!parse_content_range(text));
    }
}

TEST_CASE("the last head counts, whatever the case of its names") {
    ResponseHead head;
    for (const char* line : {"HTTP/1.1 302 Found\r\n", "ETag: \"old\"\r\n", "HTTP/1.1 206 X\r\n",
                             "CONTENT-RANGE:  bytes 1-2/3 \r\n", "\r\n"})
        head.on_line(line);
    CHECK(head.range() == ContentRange{1, 2, 3});
    CHECK(head.validator().empty());
    head.on_line("eTag: \"new\"\r\n");
    CHECK(head.validator() == "\"new\"");
}

TEST_CASE("only a strong validator is one") {
    for (const std::string value : {"W/\"weak\"", "bare", "\"", "\"a b\"", ""}) {
        ResponseHead head;
        head.on_line("ETag: " + value + "\r\n");
        CHECK(head.validator().empty());
    }
}

TEST_CASE("a status decides between another origin, another time and giving up") {
    const auto kind = [](unsigned status) { return end_of_status(status, {}).kind; };
    for (const unsigned status : {404U, 410U}) CHECK(kind(status) == Kind::not_found);
    for (const unsigned status : {408U, 416U, 429U, 500U, 502U, 503U, 504U})
        CHECK(kind(status) == Kind::temporary);
    for (const unsigned status : {204U, 304U, 400U, 401U, 403U, 405U})
        CHECK(kind(status) == Kind::refused);
    CHECK(end_of_status(503, std::chrono::seconds(7)).retry_after == std::chrono::seconds(7));
}

TEST_CASE("what a network does is temporary, what a server or certificate is, is not") {
    for (const CURLcode code :
         {CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_OPERATION_TIMEDOUT,
          CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_GOT_NOTHING})
        CHECK(end_of_transport(code, 0, "").kind == Kind::temporary);
    for (const CURLcode code : {CURLE_PEER_FAILED_VERIFICATION, CURLE_TOO_MANY_REDIRECTS,
                                CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT})
        CHECK(end_of_transport(code, 0, "").kind == Kind::refused);
    CHECK(end_of_transport(CURLE_RECV_ERROR, EPIPE, "").code == EPIPE);
    CHECK(end_of_transport(CURLE_OPERATION_TIMEDOUT, EINPROGRESS, "").code == ETIMEDOUT);
}

std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

FetchOrder order_for(std::string_view text, std::uint64_t size) {
    return {JobId{1}, size, 10, blob::digest_of(as_bytes(text)), Urgency::demand};
}

UniqueFd make_file() {
    return UniqueFd(::memfd_create("destination", MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

TEST_CASE("bytes that come in pieces are whole when their digest is right") {
    const UniqueFd file = make_file();
    Destination destination(UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)),
                            order_for("abcdef", 6));
    REQUIRE(destination.append(as_bytes("abc")));
    CHECK(!destination.is_full());
    REQUIRE(destination.append(as_bytes("def")));
    CHECK(destination.is_full());
    CHECK(destination.judge().kind == Kind::whole);
    CHECK(sys::read_rest(file.get(), 100)->size() == 6);
}

TEST_CASE("wrong bytes are given up, and the right ones may follow") {
    const UniqueFd file = make_file();
    Destination destination(UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)), order_for("abc", 0));
    REQUIRE(destination.append(as_bytes("abX")));
    CHECK(destination.judge().kind == Kind::wrong_digest);
    CHECK(sys::status_of(file.get())->st_size == 0);
    REQUIRE(destination.append(as_bytes("abc")));
    CHECK(destination.judge().kind == Kind::whole);
}

TEST_CASE("a known size is kept, and the bound always") {
    Destination known(make_file(), order_for("abc", 3));
    CHECK(known.append(as_bytes("abcd")).error().code == EBADMSG);
    REQUIRE(known.append(as_bytes("ab")));
    CHECK(known.judge().kind == Kind::wrong_digest);
    Destination unknown(make_file(), order_for("abc", 0));
    CHECK(unknown.append(as_bytes("0123456789")));
    CHECK(unknown.append(as_bytes("x")).error().code == EFBIG);
    CHECK(unknown.expect(~std::uint64_t{0}).error().code == EFBIG);
}

TEST_CASE("what cannot be written is the destination's fault") {
    UniqueFd file = make_file();
    REQUIRE(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE) == 0);
    Destination destination(std::move(file), order_for("abc", 3));
    const auto done = destination.append(as_bytes("abc"));
    CHECK(done.error().code == EPERM);
    CHECK(end_of_error(done.error(), destination).kind == Kind::local);
}

std::optional<JobId> job(std::uint64_t number) {
    return JobId{number};
}

TEST_CASE("demands go first, and each kind in its order") {
    TransferSlots slots(2);
    slots.add(JobId{1}, Urgency::prefetch);
    slots.add(JobId{2}, Urgency::demand);
    slots.add(JobId{3}, Urgency::demand);
    CHECK(slots.take() == job(2));
    CHECK(slots.take() == job(3));
    CHECK(!slots.take());
    slots.remove(JobId{2});
    CHECK(slots.take() == job(1));
}

TEST_CASE("prefetches leave a quarter of the slots to demands") {
    TransferSlots slots(4);
    for (std::uint64_t i = 1; i <= 5; ++i) slots.add(JobId{i}, Urgency::prefetch);
    for (std::uint64_t i = 1; i <= 3; ++i) CHECK(slots.take() == job(i));
    CHECK(!slots.take());
    slots.add(JobId{9}, Urgency::demand);
    CHECK(slots.take() == job(9));
    slots.remove(JobId{1});
    CHECK(slots.take() == job(4));
}

TEST_CASE("a prefetch that is promoted goes before the others, and counts as demanded") {
    TransferSlots slots(2);
    for (std::uint64_t i = 1; i <= 4; ++i) slots.add(JobId{i}, Urgency::prefetch);
    CHECK(slots.take() == job(1));
    CHECK(!slots.take());
    slots.promote(JobId{1});
    slots.promote(JobId{77});
    slots.promote(JobId{3});
    CHECK(slots.take() == job(3));
    slots.remove(JobId{3});
    CHECK(slots.take() == job(2));
}

TEST_CASE("with a single slot there is none to leave") {
    TransferSlots slots(1);
    slots.add(JobId{1}, Urgency::prefetch);
    CHECK(slots.take() == job(1));
}

}  // namespace
}  // namespace shardrun::fetcher
