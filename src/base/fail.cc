#include "base/fail.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace shardrun {

std::string errno_text(int code) {
    std::array<char, 128> buffer{};
    return ::strerror_r(code, buffer.data(), buffer.size());  // The GNU form: returns the text.
}

void assertion_failed(const char* what, const char* file, int line) {
    (void)std::fprintf(stderr, "<2>shardrun bug: '%s' does not hold at %s:%d\n", what, file, line);
    std::abort();
}

}  // namespace shardrun
