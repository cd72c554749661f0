#pragma once

#include <zstd.h>

#include <memory>
#include <vector>

#include "replay/byte_source.h"

namespace shardrun::replay {

/// Bytes that may be compressed: zstd frames, told by their first four bytes, come out
/// decompressed, and everything else as it is. Takes 128 MiB at most, whatever a frame asks for.
/// Source: RFC 8878.
class ZstdSource : public ByteSource {
 public:
    /// `inner` must outlive it.
    explicit ZstdSource(ByteSource& inner);

    /// Errors: those of `inner`; EBADMSG for damaged frames and for one that ends early; E2BIG for
    /// one that needs more memory.
    Result<std::size_t> read(std::span<char> buffer) override;

 private:
    enum class Kind { unknown, plain, zstd };
    struct Free {
        void operator()(ZSTD_DCtx* context) const { (void)ZSTD_freeDCtx(context); }
    };

    Result<void> recognise();
    Result<void> fill();
    Result<std::size_t> read_plain(std::span<char> buffer);
    Result<std::size_t> read_zstd(std::span<char> buffer);

    ByteSource& inner_;
    Kind kind_ = Kind::unknown;
    std::unique_ptr<ZSTD_DCtx, Free> context_;
    std::vector<char> input_;
    std::size_t begin_ = 0;  ///< of what lies in `input_`
    std::size_t end_ = 0;
    bool has_ended_ = false;  ///< `inner`
    bool is_in_frame_ = false;
};

}  // namespace shardrun::replay
