// A planted bug, a few changed bytes away from its corpus: the harness must find it.

#include <algorithm>
#include <span>
#include <string_view>

#include "base/fail.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::string_view kBug = "bu";
    const std::span<const std::uint8_t> bytes(data, size);
    SR_ASSERT(std::ranges::search(bytes, kBug).empty());
    return 0;
}
