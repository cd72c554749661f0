#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "importer/content_facts.h"
#include "importer/elf_facts.h"
#include "importer/named_paths.h"
#include "importer/oci_json.h"
#include "importer/python_imports.h"

namespace shardrun::importer {
namespace {

std::vector<std::byte> bytes_of_file(const char* path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

TEST_CASE("this very program names its interpreter and its libraries") {
    const auto bytes = bytes_of_file("/proc/self/exe");
    const auto facts = parse_elf({bytes});
    REQUIRE(facts);
    CHECK(facts->interpreter.find("ld-") != std::string::npos);
    CHECK(std::ranges::find(facts->needed, "libc.so.6") != facts->needed.end());
    // As it goes by in pieces of which the head and the dynamic section are kept.
    for (const std::size_t step : {std::size_t{4096}, std::size_t{65536}, bytes.size()}) {
        ContentProbe probe;
        probe.begin("bin/x", true);
        for (std::size_t at = 0; at < bytes.size(); at += step)
            probe.take(std::span(bytes).subspan(at, std::min(step, bytes.size() - at)));
        CHECK(probe.finish().elf == facts);
    }
}

TEST_CASE("an ELF file that is cut anywhere gives less, and no nonsense") {
    const auto bytes = bytes_of_file("/proc/self/exe");
    for (std::size_t size = 0; size < 4096; ++size) {
        const auto facts = parse_elf({std::span(bytes).first(size)});
        if (facts) CHECK(facts->needed.empty());
    }
}

TEST_CASE("import statements are found where Python sees some, and nowhere else") {
    using Imports = std::vector<PythonImport>;
    CHECK(find_python_imports("import a") == Imports{{0, "a", {}}});
    CHECK(find_python_imports("import a.b as c, d\n") == Imports{{0, "a.b", {}}, {0, "d", {}}});
    CHECK(find_python_imports("from a.b import c as d, e") == Imports{{0, "a.b", {"c", "e"}}});
    CHECK(find_python_imports("from . import a") == Imports{{1, "", {"a"}}});
    CHECK(find_python_imports("from ...x import *") == Imports{{3, "x", {}}});
    CHECK(find_python_imports("from a import (b,\n  c, # no\n  d,\n)") ==
          Imports{{0, "a", {"b", "c", "d"}}});
    CHECK(find_python_imports("import a \\\n , b") == Imports{{0, "a", {}}, {0, "b", {}}});
    CHECK(find_python_imports("try: import a\nexcept: pass; import b") ==
          Imports{{0, "a", {}}, {0, "b", {}}});
    CHECK(find_python_imports("  if x:\r\n\timport a\r\n") == Imports{{0, "a", {}}});
    CHECK(find_python_imports("\xef\xbb\xbfimport \xc3\xa9") == Imports{{0, "\xc3\xa9", {}}});
    for (const char* const none :
         {"", "# import a", "'import a'", "\"\"\"\nimport a\n\"\"\"", "r'\\'\nx.import_a()",
          "x = [\nimport_\n]", "raise X from e", "yield from a", "important a", "f(import\n)",
          "b'''\nimport a", "import", "from", "from a", "from a import", "from import b",
          "import 'a'"}) {
        CAPTURE(none);
        for (const PythonImport& import : find_python_imports(none)) CHECK(import.names.empty());
        if (std::string_view(none) != "from a import") CHECK(find_python_imports(none).empty());
    }
    std::string many;
    for (int i = 0; i < 5000; ++i) many += "import a\n";
    CHECK(find_python_imports(many).size() == kPythonImportsMax);
}

TEST_CASE("paths are found in texts, without what only looks like one") {
    using Paths = std::vector<std::string>;
    CHECK(find_named_paths("a=/x/y b='/z/' (/q). \"/s\",/t:/u") ==
          Paths{"/q", "/s", "/t", "/u", "/x/y", "/z"});
    CHECK(find_named_paths("/a /a") == Paths{"/a"});
    for (const char* const none :
         {"", "/", "//", "a/b", "http://host/x", "$HOME/x", "${X}/y", "./a", "../a", "~/a"})
        CHECK_MESSAGE(find_named_paths(none).empty(), none);
}

TEST_CASE("shebangs and the linker's configuration are read") {
    using Words = std::vector<std::string>;
    CHECK(parse_shebang("#! /bin/sh  -e\nx") == Words{"/bin/sh", "-e"});
    CHECK(parse_shebang("#!/usr/bin/env -S a b") == Words{"/usr/bin/env", "-S", "a", "b"});
    CHECK(parse_shebang("#!").empty());
    CHECK(parse_shebang("# !/bin/sh").empty());
    CHECK(parse_ld_so_conf("# x\n/a # y\ninclude d/*.conf\n rel\n/b=libc5\n") ==
          Words{"/a", "include d/*.conf", "/b"});
}

TEST_CASE("OCI documents: what they must have, and what refuses them") {
    const std::string hex(64, 'a');
    const std::string descriptor = R"({"digest":"sha256:)" + hex + R"(","size":5})";
    const auto index = parse_oci_document(R"({"manifests":[)" + descriptor + "]}");
    REQUIRE(index);
    CHECK(index->is_index);
    CHECK(index->manifests.front().size_bytes == 5);
    const auto manifest = parse_oci_document(R"({"config":)" + descriptor + R"(,"layers":[]})");
    REQUIRE(manifest);
    CHECK(manifest->layers.empty());
    for (const std::string& wrong :
         {std::string("{}"), std::string(R"({"layers":[]})"), std::string(R"({"manifests":{}})"),
          std::string(R"({"manifests":[1]})"),
          R"({"manifests":[{"digest":"sha256:)" + hex + R"(","size":1.5}]})",
          R"({"manifests":[{"digest":")" + hex + R"(","size":1}]})", std::string("["),
          std::string("\xff")}) {
        CAPTURE(wrong);
        CHECK(parse_oci_document(wrong).error().code == EPROTO);
    }
    CHECK(parse_oci_document(std::string(kJsonMax + 1, ' ')).error().code == E2BIG);
    std::string deep = R"({"a":)" + std::string(200, '[') + std::string(200, ']') + "}";
    CHECK(parse_oci_document(deep).error().code == E2BIG);
    CHECK(parse_oci_config(R"({"config":{"Cmd":["a"],"Env":null}})")->command ==
          std::vector<std::string>{"a"});
    CHECK_FALSE(parse_oci_config(R"({"config":{"Cmd":"a"}})"));
    CHECK_FALSE(parse_oci_config(R"({"config":{"User":"a\u0000"}})"));
    CHECK(parse_platform("linux/arm/v7") == Platform{"linux", "arm", "v7"});
    for (const char* const wrong : {"", "linux", "/arm", "linux/"})
        CHECK_FALSE(parse_platform(wrong));
}

}  // namespace
}  // namespace shardrun::importer
