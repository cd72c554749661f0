#include <string_view>

#include "base/fail.h"
#include "fetcher/origin.h"
#include "fetcher/response_head.h"
#include "target.h"

namespace shardrun::fetcher {
namespace {

/// What servers say line by line, and what operators write.
void check(std::string_view text) {
    ResponseHead head;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t size = rest.find('\n');
        head.on_line(rest.substr(0, size));
        rest.remove_prefix(size == std::string_view::npos ? rest.size() : size + 1);
    }
    if (const auto& range = head.range()) {
        SR_ASSERT(range->first <= range->last);
        SR_ASSERT(!range->size || range->last < *range->size);
    }
    // It goes into a header line of ours.
    SR_ASSERT(head.validator().find_first_of("\r\n") == std::string::npos);
    if (const auto origin = parse_origin(text)) SR_ASSERT(parse_origin(origin->name) == *origin);
}

}  // namespace
}  // namespace shardrun::fetcher

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    shardrun::fetcher::check({reinterpret_cast<const char*>(data), size});
    return 0;
}
