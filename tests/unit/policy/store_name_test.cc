#include "policy/store_name.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

using namespace shardrun;
using namespace shardrun::policy;

namespace {

std::string sentence(const Result<void>& result) {
    return result ? "" : result.error().message;
}

}  // namespace

TEST_CASE("a name in the store is 1 to 200 letters, digits and signs, the first none of ./-") {
    for (const std::string& good : {std::string("a"), std::string("models/tiny.bin"),
                                    std::string("app:1.2@x+y-z_"), std::string(200, 'a')})
        CHECK(check_store_name("image", good));
    for (const std::string& bad : {std::string(), std::string(".a"), std::string("/a"),
                                   std::string("-a"), std::string("a b"), std::string("a\0b", 3),
                                   std::string("\xc3\xa9"), std::string(201, 'a')}) {
        CAPTURE(bad);
        CHECK(check_store_name("image", bad).error().code == EINVAL);
    }
    CHECK(sentence(check_store_name("image", "a b")) ==
          "image: 'a b' is no name: a name is 1 to 200 letters, digits and ._:/@+- and begins "
          "with none of ./-");
}

TEST_CASE("a path in a tree is absolute, bounded, and nowhere a dot or two") {
    for (const std::string& good : {std::string("/"), std::string("/usr/lib/..so"),
                                    std::string("/.a/..."), '/' + std::string(4095, 'a')})
        CHECK(check_tree_path(good));
    for (const std::string& bad :
         {std::string(), std::string("a"), std::string("/."), std::string("/a/../b"),
          std::string("/.."), std::string("/a\0b", 4), std::string(4097, '/')}) {
        CAPTURE(bad);
        CHECK(check_tree_path(bad).error().code == EINVAL);
    }
    CHECK(sentence(check_tree_path("/a/..")) ==
          "name: '/a/..' is not an absolute path without '.' and '..'");
    CHECK(sentence(check_tree_path(std::string(4097, '/'))) ==
          "name: a path of 4097 bytes is longer than 4096");
}

TEST_CASE("a blob is told by name by anybody, by digest by root and administrators only") {
    const ClientRule plain;
    ClientRule administrator;
    administrator.is_administrator = true;
    const std::string digest(64, 'a');
    for (const std::string& name : {digest, "sha256:" + digest}) {
        CHECK(is_digest(name));
        CHECK(sentence(check_blob({1000, plain, false}, name)) ==
              "name: a digest is for root and administrators, by clients.default.is_administrator; "
              "ask for a name");
        CHECK(check_blob({1000, plain, false}, name).error().code == EACCES);
        CHECK(check_blob({1000, administrator, true}, name));
        CHECK(check_blob({0, plain, false}, name));
    }
    for (const std::string& name : {std::string("models/tiny.bin"), std::string(63, 'a'),
                                    std::string(65, 'a'), std::string(64, 'A')}) {
        CHECK_FALSE(is_digest(name));
        CHECK(check_blob({1000, plain, false}, name));
    }
    CHECK(check_blob({0, plain, false}, "/etc/passwd").error().code == EINVAL);
}
