// The fetcher against a real server: Debian's nginx, started here on loopback.
#include "nginx.h"

#include <doctest/doctest.h>

#include "world.h"

namespace shardrun::test {
namespace {

using namespace fetcher;

const Bytes kBlob = noise(300'000, 1);

TEST_CASE("nginx serves blobs in both layouts, and says 404 for others") {
    const Nginx nginx;
    FetchWorld world(quick({nginx.url()}));
    const Bytes other = noise(5000, 2);
    put_blob(nginx.root(), kBlob, kBlob, Layout::store);
    put_blob(nginx.root(), other, other, Layout::oci);
    CHECK(world.fetch_bytes(kBlob).attempts == 1);
    CHECK(world.fetch_bytes(other, false).attempts == 2);
    const Report missing = world.fetch_bytes(noise(10, 3));
    CHECK(missing.outcome == Outcome::not_found);
    CHECK(missing.http_status == 404);
}

TEST_CASE("what nginx was cut off at is resumed: it sends only the rest, of the same version") {
    const Nginx nginx;
    put_blob(nginx.root(), kBlob, kBlob);
    const CuttingRelay relay(nginx.port(), 100'000);
    FetchWorld world(quick({relay.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.attempts == 2);
    CHECK(report.http_status == 206);
    // "HTTP/1.1 206 "bytes=99700-" "\"65...\"" 200300"; nginx escapes the quotes of the version.
    const auto log = nginx.log(2);
    std::string resumed;
    for (const std::string& line : log)
        if (line.find(" 206 ") != std::string::npos) resumed = line;
    const std::size_t range = resumed.find("\"bytes=");
    REQUIRE(range != std::string::npos);
    const std::size_t first = std::stoul(resumed.substr(range + 7));
    CHECK(first > 90'000);
    CHECK(first < 100'000);
    CHECK(resumed.ends_with(" " + std::to_string(kBlob.size() - first)));
    CHECK(resumed.find("\\x22") != std::string::npos);
}

TEST_CASE("a blob that changes in nginx between the parts comes whole: If-Range asks for that") {
    const Nginx nginx;
    // Of another size, since nginx's versions tell times apart by the second.
    put_blob(nginx.root(), kBlob, noise(299'999, 9));
    const CuttingRelay relay(nginx.port(), 100'000, [&] { put_blob(nginx.root(), kBlob, kBlob); });
    FetchWorld world(quick({relay.url()}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.attempts == 2);
    CHECK(report.http_status == 200);
}

TEST_CASE("a server without ranges is asked anew for all of it") {
    const Nginx nginx;
    put_blob(nginx.root(), kBlob, kBlob);
    const CuttingRelay relay(nginx.port(), 100'000);
    FetchWorld world(quick({relay.url() + "/whole"}));
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.attempts == 2);
    CHECK(report.http_status == 200);
}

TEST_CASE("a rest that another origin began is asked for of nginx") {
    const Nginx nginx;
    put_blob(nginx.root(), kBlob, kBlob);
    FaultServer first([](const auto&, auto) {
        return cut_answer(text_of(kBlob), 50'000, HttpAnswer::Then::close);
    });
    auto options = quick({first.url(), nginx.url()});
    options.retry.attempts_max = 1;
    FetchWorld world(options);
    const Report report = world.fetch_bytes(kBlob);
    CHECK(report.outcome == Outcome::complete);
    CHECK(report.origin == 1);
    CHECK(nginx.log(1).at(0) == "HTTP/1.1 206 \"bytes=50000-\" \"-\" 250000");
}

TEST_CASE("nginx's 500, 403, redirect and rate limit are what they are") {
    const Nginx nginx;
    put_blob(nginx.root(), kBlob, kBlob);
    const auto fetch_from = [&](const std::string& prefix) {
        return FetchWorld(quick({nginx.url() + prefix})).fetch_bytes(kBlob);
    };
    const Report broken = fetch_from("/broken");
    CHECK(broken.outcome == Outcome::failed);
    CHECK(broken.http_status == 500);
    CHECK(broken.attempts == 3);
    const Report secret = fetch_from("/secret");
    CHECK(secret.code == EACCES);
    CHECK(secret.attempts == 1);
    CHECK(fetch_from("/moved").outcome == Outcome::complete);
    const Report slow = fetch_from("/slow");
    CHECK(slow.outcome == Outcome::complete);
    CHECK(slow.attempts == 1);
    CHECK(slow.elapsed_ns > 1'000'000'000);
}

TEST_CASE("many blobs come over kept connections") {
    const Nginx nginx;
    FetchWorld world(quick({nginx.url()}));
    std::vector<Bytes> blobs;
    std::vector<JobId> jobs;
    for (std::uint64_t i = 0; i < 150; ++i) {
        blobs.push_back(noise(1 + i * 331, i));
        put_blob(nginx.root(), blobs.back(), blobs.back());
        jobs.push_back(world.begin(order_for(blobs.back())));
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        CHECK(world.await(jobs[i]).outcome == Outcome::complete);
        CHECK(world.bytes_of(jobs[i]) == blobs[i]);
    }
}

TEST_CASE("over TLS it speaks HTTP/2, and resumes; an unknown certificate is refused at once") {
    const Nginx nginx(Nginx::Speaks::https);
    put_blob(nginx.root(), kBlob, kBlob);
    auto options = quick({nginx.url()});
    FetchWorld stranger(options);
    const Report refused = stranger.fetch_bytes(kBlob);
    CHECK(refused.outcome == Outcome::failed);
    CHECK(refused.code == EACCES);
    CHECK(refused.attempts == 1);
    CHECK(refused.reason.find("certificate") != std::string::npos);

    FaultServer first([](const auto&, auto) {
        return cut_answer(text_of(kBlob), 50'000, HttpAnswer::Then::close);
    });
    options = quick({first.url(), nginx.url()});
    options.retry.attempts_max = 1;
    options.ca_file = nginx.certificate();
    FetchWorld world(options);
    CHECK(world.fetch_bytes(kBlob).outcome == Outcome::complete);
    CHECK(nginx.log(1).at(0) == "HTTP/2.0 206 \"bytes=50000-\" \"-\" 250000");
}

}  // namespace
}  // namespace shardrun::test
