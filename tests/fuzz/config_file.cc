#include <string_view>

#include "base/fail.h"
#include "cli/config_file.h"
#include "cli/config_text.h"
#include "target.h"

/// Whatever text is given: it is refused with a sentence, or gives settings that are the same after
/// they were written out and read back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::cli;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = parse_config(text, "f");
    if (!config) {
        SR_ASSERT(config.error().message.starts_with("f:"));
        return 0;
    }
    const auto again = parse_config(render_config(*config), "f");
    SR_ASSERT(again.has_value());
    SR_ASSERT(*again == *config);
    return 0;
}
