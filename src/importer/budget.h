#pragma once

#include <string_view>

#include "image/import_options.h"

namespace shardrun::importer {

/// Counts what an import grows to and refuses what is too much, with the path at which it was. A
/// few bytes of an archive may stand for terabytes.
class Budget {
 public:
    explicit Budget(const image::ImportLimits& limits) : limits_(limits) {}

    /// Errors: E2BIG, ENAMETOOLONG.
    Result<void> add_entry(std::string_view path);
    Result<void> add_content(std::string_view path, std::uint64_t bytes);
    Result<void> check_layers(std::uint64_t count) const;
    void add_input(std::uint64_t bytes) { input_bytes_ += bytes; }

    std::uint64_t input_bytes() const { return input_bytes_; }

 private:
    const image::ImportLimits& limits_;
    std::uint64_t entries_ = 0;
    std::uint64_t content_bytes_ = 0;
    std::uint64_t input_bytes_ = 0;
};

}  // namespace shardrun::importer
