#pragma once

#include <string>

#include "replay/byte_source.h"
#include "sys/unique_fd.h"

namespace shardrun::cli {

/// The bytes of an open file.
class FileSource : public replay::ByteSource {
 public:
    explicit FileSource(sys::UniqueFd fd) : fd_(std::move(fd)) {}

    /// Errors: those of read(2), of which EISDIR is the likeliest.
    Result<std::size_t> read(std::span<char> buffer) override;

 private:
    sys::UniqueFd fd_;
};

/// Opens a file to be read; "-" is standard input. Errors: those of open(2).
Result<sys::UniqueFd> open_input(const std::string& path);

}  // namespace shardrun::cli
