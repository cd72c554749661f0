#include "fetcher/options.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "fetcher/blob_place.h"

namespace shardrun::fetcher {
namespace {

TEST_CASE("an origin is an absolute path or an http or https URL, without a slash at its end") {
    CHECK(parse_origin("/srv/blobs//") == Origin{"/srv/blobs", Origin::Kind::directory});
    CHECK(parse_origin("/") == Origin{"/", Origin::Kind::directory});
    CHECK(parse_origin("http://host") == Origin{"http://host", Origin::Kind::http});
    CHECK(parse_origin("https://[::1]:8443/a/b/") ==
          Origin{"https://[::1]:8443/a/b", Origin::Kind::http});
}

TEST_CASE("what is no origin is refused with what would be right") {
    for (const std::string_view text :
         {"", "relative", "ftp://host/", "file:///etc", "http://", "http://:80/", "http:///path",
          "https://host/?query", "http://host/#part", "http://host/a b", "http://host/\r\nX: y"}) {
        CAPTURE(text);
        CHECK(parse_origin(text).error().code == EINVAL);
    }
    CHECK(parse_origin("http://" + std::string(kOriginSizeMax, 'a')).error().code == EINVAL);
}

TEST_CASE("a password in an origin is refused, and the refusal does not show it") {
    const auto refused = parse_origin("http://user:secret@host/x");
    CHECK(refused.error().code == EINVAL);
    CHECK(refused.error().message.find("secret") == std::string::npos);
}

TEST_CASE("a blob has two places below an origin") {
    const blob::Digest digest = blob::digest_of({});
    const std::string hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    CHECK(path_of(digest, 0) == "blobs/sha256/e3/" + hex);
    CHECK(path_of(digest, 1) == "blobs/sha256/" + hex);
}

Result<FetchOptions> parsed(const std::vector<std::string>& words) {
    std::vector<const char*> pointers;
    pointers.reserve(words.size());
    for (const std::string& word : words) pointers.push_back(word.c_str());
    return parse_arguments(pointers);
}

TEST_CASE("options come back from the command line as they were") {
    FetchOptions options;
    options.origins = {*parse_origin("/a"), *parse_origin("https://b/c")};
    options.retry = {7, std::chrono::milliseconds(1), std::chrono::milliseconds(2),
                     std::chrono::milliseconds(3), std::chrono::milliseconds(4)};
    options.transfers_max = 5;
    options.connect_timeout = std::chrono::milliseconds(6);
    options.stall_time = std::chrono::seconds(8);
    options.stall_bytes_per_s = 9;
    options.seed = 10;
    options.ca_file = "/x=y";
    CHECK(parsed(to_arguments(options)) == options);
    CHECK(parsed(to_arguments({})) == FetchOptions{});
}

TEST_CASE("an unknown option, and a value out of its range, are refused") {
    for (const char* word : {"transfers", "transfers=0", "transfers=257", "transfers=1x", "x=1",
                             "attempts=0", "attempts=-1", "origin=ftp://x", "seed="}) {
        CAPTURE(word);
        CHECK(parsed({word}).error().code == EINVAL);
    }
    CHECK(parsed(std::vector<std::string>(kOriginsMax, "origin=/a")));
    CHECK(!parsed(std::vector<std::string>(kOriginsMax + 1, "origin=/a")));
}

}  // namespace
}  // namespace shardrun::fetcher
