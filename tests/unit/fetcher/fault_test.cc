// The fetcher's own process against a server that misbehaves in one way each. Needs loopback only.
#include <doctest/doctest.h>

#include "fault_server.h"

#include "fetcher/blob_place.h"
#include "world.h"

namespace shardrun::test {
namespace {

using fetcher::Outcome;
using fetcher::Report;
using Then = HttpAnswer::Then;

const Bytes kBlob = noise(100'000, 1);
const std::string kBody = text_of(kBlob);

HttpAnswer whole() {
    return answer_with("200 OK", "", kBody);
}
/// What a server does that understands ranges.
HttpAnswer part_of(const HttpRequest& request) {
    if (request.range.empty()) return whole();
    const std::size_t first = std::stoul(request.range.substr(6));
    return answer_with(
        "206 Partial Content",
        fmt::format("Content-Range: bytes {}-{}/{}\r\n", first, kBody.size() - 1, kBody.size()),
        kBody.substr(first));
}

TEST_CASE("a blob comes from an HTTP origin, of known and of unknown size") {
    FaultServer server([](const auto&, auto) { return whole(); });
    FetchWorld world(quick({server.url() + "/prefix"}));
    for (const bool is_size_known : {true, false}) {
        const Report report = world.fetch_bytes(kBlob, is_size_known);
        CHECK(report.outcome == Outcome::complete);
        CHECK(report.attempts == 1);
        CHECK(report.http_status == 200);
        CHECK(report.reason.empty());
    }
    const std::string path = "/prefix/" + fetcher::path_of(blob::digest_of(kBlob), 0);
    CHECK(server.requests().at(0).path == path);
    CHECK(world.process().jobs_under_way() == 0);
}

TEST_CASE("an empty blob comes, too") {
    FaultServer server([](const auto&, auto) { return answer_with("200 OK", "", ""); });
    FetchWorld world(quick({server.url()}));
    CHECK(world.fetch_bytes({}, false).outcome == Outcome::complete);
}

TEST_CASE("404 and 410: both layouts are asked for, once each, and nothing again") {
    for (const char* status : {"404 Not Found", "410 Gone"}) {
        FaultServer server([&](const auto&, auto) { return answer_with(status, "", "no\n"); });
        FetchWorld world(quick({server.url()}));
        const Report report = world.fetch_bytes(kBlob);
        CHECK(report.outcome == Outcome::not_found);
        CHECK(report.attempts == 2);
        CHECK(report.code == ENOENT);
        CHECK(report.http_status == static_cast<unsigned>(std::stoi(status)));
        const std::string path = "/" + fetcher::path_of(blob::digest_of(kBlob), 1);
        CHECK(server.requests().at(1).path == path);
    }
}

TEST_CASE("500, 429 and then fine: it is tried again") {
    for (const char* status : {"500 Oops", "503 Busy", "429 Slowly", "408 Late"}) {
        FaultServer server([&](const auto&, std::size_t n) {
            return n < 2 ? answer_with(status, "", "no") : whole();
        });
        FetchWorld world(quick({server.url()}));
        const Report report = world.fetch_bytes(kBlob);
        CHECK(report.outcome == Outcome::complete);
        CHECK(report.attempts == 3);
    }
}

TEST_CASE("500 for ever: it fails after its attempts, with origin and cause in words") {
    FaultServer server([](const auto&, auto) { return answer_with("500 Oops", "", "no"); });
    FetchWorld world(quick({server.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.attempts == 3);
    CHECK(report.http_status == 500);
    CHECK(report.origin == 0);
    CHECK(report.reason == "origin '" + server.url() + "': answers with HTTP status 500");
}

TEST_CASE("403 is not tried again") {
    FaultServer server([](const auto&, auto) { return answer_with("403 No", "", "no"); });
    FetchWorld world(quick({server.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.code == EACCES);
    CHECK(report.attempts == 1);
}

TEST_CASE("Retry-After is honoured up to the bound") {
    FaultServer server([](const auto&, std::size_t n) {
        return n == 0 ? answer_with("503 Busy", "Retry-After: 3600\r\n", "") : whole();
    });
    auto options = quick({server.url()});
    options.retry.retry_after_max = std::chrono::milliseconds(300);
    FetchWorld world(options);
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.elapsed_ns >= 300'000'000);
}

TEST_CASE("truncated: the rest alone is asked for, under the version's name") {
    FaultServer server([](const HttpRequest& request, std::size_t n) {
        if (n == 0) return cut_answer(kBody, 40'000, Then::close, "ETag: \"v1\"\r\n");
        return part_of(request);
    });
    FetchWorld world(quick({server.url()}));
    for (const bool is_size_known : {true, false}) {
        const std::size_t before = server.requests().size();
        const Report report = world.fetch_bytes(kBlob, is_size_known);
        CHECK(report.outcome == Outcome::complete);
        if (before > 0) continue;
        CHECK(report.attempts == 2);
        CHECK(report.http_status == 206);
        CHECK(server.requests().at(1).range == "bytes=40000-");
        CHECK(server.requests().at(1).if_range == "\"v1\"");
    }
}

TEST_CASE("truncated each time: as long as it gets further it goes on") {
    FaultServer server([](const HttpRequest& request, std::size_t) {
        HttpAnswer answer = part_of(request);
        const std::size_t head = answer.bytes.find("\r\n\r\n") + 4;
        answer.bytes.resize(std::min(answer.bytes.size(), head + 10'000));
        answer.then = Then::close;
        return answer;
    });
    FetchWorld world(quick({server.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.attempts == 10);
    CHECK(server.requests().at(9).range == "bytes=90000-");
}

TEST_CASE("a connection reset under way: the rest alone is asked for") {
    FaultServer server([](const HttpRequest& request, std::size_t n) {
        return n == 0 ? cut_answer(kBody, 40'000, Then::reset) : part_of(request);
    });
    FetchWorld world(quick({server.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.attempts == 2);
}

TEST_CASE("a connection reset before any answer: it is tried again, and fails with ECONNRESET") {
    FaultServer server([](const auto&, auto) { return HttpAnswer{"", Then::reset}; });
    FetchWorld world(quick({server.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.code == ECONNRESET);
    CHECK(report.attempts == 3);
}

TEST_CASE("nobody listens: it fails with ECONNREFUSED after its attempts") {
    std::string url;
    {
        FaultServer gone([](const auto&, auto) { return whole(); });
        url = gone.url();
    }
    FetchWorld world(quick({url}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.code == ECONNREFUSED);
    CHECK(report.attempts == 3);
    CHECK(report.reason.find(url) != std::string::npos);
}

TEST_CASE("stalled under way: given up after the stall time, and gone on from there") {
    FaultServer server([](const HttpRequest& request, std::size_t n) {
        return n == 0 ? cut_answer(kBody, 40'000, Then::stall) : part_of(request);
    });
    FetchWorld world(quick({server.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.attempts == 2);
    CHECK(report.elapsed_ns >= 900'000'000);
    CHECK(server.requests().at(1).range == "bytes=40000-");
}

TEST_CASE("stalled before any answer for ever: it fails with ETIMEDOUT") {
    FaultServer server([](const auto&, auto) { return HttpAnswer{"", Then::stall}; });
    auto options = quick({server.url()});
    options.retry.attempts_max = 2;
    FetchWorld world(options);
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.code == ETIMEDOUT);
    CHECK(report.attempts == 2);
}

TEST_CASE("the deadline ends it, whatever the server does meanwhile") {
    FaultServer server([](const auto&, auto) { return HttpAnswer{"", Then::stall}; });
    auto options = quick({server.url()});
    options.stall_time = std::chrono::seconds(600);
    options.retry.deadline = std::chrono::milliseconds(200);
    FetchWorld world(options);
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.code == ETIMEDOUT);
    CHECK(report.reason == "origin '" + server.url() + "': not done within 200 ms");
}

TEST_CASE("wrong bytes: told as such, and the next origin is asked for all of them") {
    std::string other = kBody;
    other[99'999] = static_cast<char>(other[99'999] ^ 1);
    FaultServer liar([&](const auto&, auto) { return answer_with("200 OK", "", other); });
    FaultServer honest([](const HttpRequest& request, auto) { return part_of(request); });
    FetchWorld alone(quick({liar.url()}));
    const Report wrong = alone.fetch_bytes(kBlob);
    CHECK(wrong.outcome == Outcome::wrong_digest);
    CHECK(wrong.code == EBADMSG);
    CHECK(wrong.attempts == 1);
    FetchWorld both(quick({liar.url(), honest.url()}));
    const Report right = both.fetch_bytes(kBlob, false);
    CHECK(right.outcome == Outcome::complete);
    CHECK(right.origin == 1);
    CHECK(right.reason.find("origin '" + liar.url() + "': its bytes have the digest ") == 0);
    CHECK(honest.requests().at(0).range.empty());
}

TEST_CASE("a wrong rest of a right beginning: the origin is asked for all of it, and has it") {
    FaultServer first([](const auto&, auto) { return cut_answer(kBody, 40'000, Then::close); });
    FaultServer second([](const HttpRequest& request, std::size_t n) {
        if (n > 0) return part_of(request);
        return answer_with("206 Partial Content",
                           fmt::format("Content-Range: bytes 40000-99999/100000\r\n"),
                           std::string(60'000, 'x'));
    });
    auto options = quick({first.url(), second.url()});
    options.retry.attempts_max = 1;
    FetchWorld world(options);
    CHECK(world.fetch_bytes(kBlob).outcome == Outcome::complete);
    CHECK(second.requests().at(0).range == "bytes=40000-");
    CHECK(second.requests().at(0).if_range.empty());
    CHECK(second.requests().at(1).range.empty());
}

TEST_CASE("slow is not stalled: bytes that come after a delay are taken") {
    FaultServer server([](const auto&, auto) {
        HttpAnswer answer = whole();
        answer.delay = std::chrono::milliseconds(400);
        return answer;
    });
    FetchWorld world(quick({server.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.attempts == 1);
    CHECK(report.elapsed_ns >= 400'000'000);
}

TEST_CASE("an endless body: broken off at the bound, or at the size that is known") {
    FaultServer server([](const auto&, auto) {
        return HttpAnswer{"HTTP/1.1 200 OK\r\n\r\n", Then::repeat};
    });
    FetchWorld world(quick({server.url()}));
    auto order = order_for(kBlob, false);
    order.size_max_bytes = 1'000'000;
    const Report endless = world.fetch(order);
    CHECK(endless.outcome == Outcome::too_large);
    CHECK(endless.code == EFBIG);
    CHECK(endless.attempts == 1);
    CHECK(world.fetch_bytes(kBlob).outcome == Outcome::wrong_digest);
}

TEST_CASE("an endless page that goes with a refusal is not read to its end") {
    FaultServer server([](const auto&, auto) {
        return HttpAnswer{"HTTP/1.1 404 Not Found\r\n\r\n", Then::repeat};
    });
    FetchWorld world(quick({server.url()}));
    CHECK(world.fetch_bytes(kBlob).outcome == Outcome::not_found);
}

TEST_CASE("a body that says it is too large is not fetched at all") {
    FaultServer server([](const auto&, auto) {
        return HttpAnswer{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx", Then::stall};
    });
    auto options = quick({server.url()});
    options.stall_time = std::chrono::seconds(600);
    FetchWorld world(options);
    CHECK(world.fetch_bytes(kBlob, false).outcome == Outcome::too_large);
}

HttpAnswer redirect(const std::string& where) {
    return answer_with("302 Found", "Location: " + where + "\r\n", "");
}

TEST_CASE("a redirect to another server is followed, one to a file or a sixth one is not") {
    FaultServer target([](const auto&, auto) { return whole(); });
    const std::string elsewhere = target.url();
    FaultServer server([&](const auto&, auto) { return redirect(elsewhere + "/x"); });
    FetchWorld world(quick({server.url()}));
    CHECK(world.fetch_bytes(kBlob).outcome == Outcome::complete);
    CHECK(target.requests().at(0).path == "/x");

    FaultServer to_file([](const auto&, auto) { return redirect("file:///etc/hostname"); });
    FetchWorld file_world(quick({to_file.url()}));
    const Report refused = file_world.fetch_bytes(kBlob);
    CHECK(refused.outcome == Outcome::failed);
    CHECK(refused.attempts == 1);
    CHECK(refused.size_bytes == 0);

    FaultServer loop([](const auto&, auto) { return redirect("/again"); });
    FetchWorld loop_world(quick({loop.url()}));
    CHECK(loop_world.fetch_bytes(kBlob).code == ELOOP);
    CHECK(loop.requests().size() == 6);
}

TEST_CASE("200 in place of 206: the file is begun anew") {
    FaultServer server([](const auto&, std::size_t n) {
        return n == 0 ? cut_answer(kBody, 40'000, Then::close) : whole();
    });
    FetchWorld world(quick({server.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.attempts == 2);
    CHECK(server.requests().at(1).range == "bytes=40000-");
    CHECK(report.http_status == 200);
}

TEST_CASE("another part than was asked for, and 416: the file is begun anew") {
    for (const char* answer : {"206 Partial Content\r\nContent-Range: bytes 0-99999/100000",
                               "206 Partial Content", "416 Range Not Satisfiable"}) {
        FaultServer server([&](const auto&, std::size_t n) {
            if (n == 0) return cut_answer(kBody, 40'000, Then::close);
            return n == 1 ? answer_with(answer, "", kBody) : whole();
        });
        FetchWorld world(quick({server.url()}));
        const Report report = world.fetch_bytes(kBlob);
        CHECK(report.outcome == Outcome::complete);
        CHECK(report.attempts == 3);
        CHECK(server.requests().at(1).range == "bytes=40000-");
        CHECK(server.requests().at(2).range.empty());
    }
}

TEST_CASE("what is no HTTP is refused") {
    FaultServer server([](const auto&, auto) { return HttpAnswer{"SSH-2.0-x\r\n" + kBody}; });
    FetchWorld world(quick({server.url()}));
    CHECK(world.fetch_bytes(kBlob).outcome == Outcome::failed);
}

}  // namespace
}  // namespace shardrun::test
