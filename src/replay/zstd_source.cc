#include "replay/zstd_source.h"

#include <zstd_errors.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "base/fail.h"

namespace shardrun::replay {
namespace {

constexpr std::size_t kInputSize = std::size_t{64} << 10U;
constexpr std::size_t kMagicSize = 4;
constexpr std::uint32_t kFrameMagic = 0xfd2fb528;
// Of frames that carry no data; sixteen of them.
constexpr std::uint32_t kSkippableMagic = 0x184d2a50;
constexpr int kWindowLogMax = 27;

bool is_magic(std::span<const char> bytes) {
    std::uint32_t magic = 0;
    for (std::size_t i = 0; i < kMagicSize; ++i)
        magic |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return magic == kFrameMagic || (magic & 0xfffffff0U) == kSkippableMagic;
}

}  // namespace

ZstdSource::ZstdSource(ByteSource& inner) : inner_(inner), input_(kInputSize) {}

/// Reads on, behind what is left.
Result<void> ZstdSource::fill() {
    std::copy(input_.begin() + static_cast<std::ptrdiff_t>(begin_),
              input_.begin() + static_cast<std::ptrdiff_t>(end_), input_.begin());
    end_ -= begin_;
    begin_ = 0;
    SR_TRY(const std::size_t size, inner_.read(std::span(input_).subspan(end_)));
    end_ += size;
    has_ended_ = size == 0;
    return {};
}

Result<void> ZstdSource::recognise() {
    while (end_ < kMagicSize && !has_ended_) SR_DO(fill());
    kind_ = end_ >= kMagicSize && is_magic(input_) ? Kind::zstd : Kind::plain;
    if (kind_ == Kind::plain) return {};
    context_.reset(ZSTD_createDCtx());
    if (!context_) return fail(ENOMEM, "decompress");
    (void)ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLogMax);
    return {};
}

Result<std::size_t> ZstdSource::read(std::span<char> buffer) {
    if (kind_ == Kind::unknown) SR_DO(recognise());
    return kind_ == Kind::plain ? read_plain(buffer) : read_zstd(buffer);
}

Result<std::size_t> ZstdSource::read_plain(std::span<char> buffer) {
    if (begin_ == end_) return inner_.read(buffer);
    const std::size_t size = std::min(buffer.size(), end_ - begin_);
    std::copy_n(input_.begin() + static_cast<std::ptrdiff_t>(begin_), size, buffer.begin());
    begin_ += size;
    return size;
}

Result<std::size_t> ZstdSource::read_zstd(std::span<char> buffer) {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    while (out.pos == 0) {
        if (begin_ == end_ && !has_ended_) SR_DO(fill());
        if (begin_ == end_ && !is_in_frame_) return 0;
        ZSTD_inBuffer in{input_.data(), end_, begin_};
        const std::size_t rest = ZSTD_decompressStream(context_.get(), &out, &in);
        if (ZSTD_getErrorCode(rest) == ZSTD_error_frameParameter_windowTooLarge)
            return refuse(E2BIG,
                          "the zstd frame needs more than 128 MiB to be read; compress it without "
                          "--long and --ultra");
        if (ZSTD_isError(rest) != 0)
            return refuse(EBADMSG, "the zstd data is damaged ({})", ZSTD_getErrorName(rest));
        const bool has_moved = in.pos > begin_ || out.pos > 0;
        begin_ = in.pos;
        is_in_frame_ = rest != 0;
        if (is_in_frame_ && has_ended_ && !has_moved)
            return refuse(EBADMSG, "the zstd data ends in the middle of a frame");
    }
    return out.pos;
}

}  // namespace shardrun::replay
