#pragma once

#include <zstd.h>

#include <string>
#include <string_view>

namespace shardrun::replay {

/// One zstd frame, with a checksum.
inline std::string compress(std::string_view bytes, int window_log = 0) {
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    if (window_log != 0) (void)ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    // In the streaming form: the other one shrinks the window to the content.
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    ZSTD_inBuffer from{bytes.data(), bytes.size(), 0};
    (void)ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush);
    (void)ZSTD_compressStream2(context, &to, &from, ZSTD_e_end);
    (void)ZSTD_freeCCtx(context);
    out.resize(to.pos);
    return out;
}

}  // namespace shardrun::replay
