#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace shardrun::test {

/// A directory of its own that goes with everything in it.
class TempDir {
 public:
    TempDir() {
        std::string name = std::filesystem::temp_directory_path() / "shardrun-test-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() {
        std::error_code ignored;  // A test that moved it away has its reasons.
        std::filesystem::remove_all(path_, ignored);
    }

    std::string path(const std::string& name) const { return path_ / name; }

 private:
    std::filesystem::path path_;
};

}  // namespace shardrun::test
