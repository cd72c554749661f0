#include "image/import_options.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/fail.h"

namespace shardrun::image {
namespace {

struct LimitName {
    std::string_view name;
    std::uint64_t ImportLimits::*value;
};
constexpr std::array<LimitName, 7> kLimits{{
    {"entries_max", &ImportLimits::entries_max},
    {"bytes_max", &ImportLimits::bytes_max},
    {"ratio_max", &ImportLimits::ratio_max},
    {"depth_max", &ImportLimits::depth_max},
    {"name_max", &ImportLimits::name_max},
    {"layers_max", &ImportLimits::layers_max},
    {"memory_max_bytes", &ImportLimits::memory_max_bytes},
}};
constexpr std::uint64_t kUidMax = 0xfffffffe;

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value > max)
        return refuse(EINVAL, "'{}' is no number up to {}", text, max);
    return value;
}

Result<void> take(ImportOptions& options, std::string_view name, std::string_view value) {
    const auto limit = std::ranges::find(kLimits, name, &LimitName::name);
    if (limit != kLimits.end()) {
        SR_TRY(options.limits.*limit->value, parse_number(value, ~std::uint64_t{0}));
    } else if (name == "special") {
        SR_TRY(const std::uint64_t special, parse_number(value, 2));
        options.special = static_cast<SpecialFiles>(special);
    } else if (name == "uid") {
        SR_TRY(const std::uint64_t uid, parse_number(value, kUidMax));
        options.uid = static_cast<std::uint32_t>(uid);
    } else if (name == "platform") {
        options.platform = value;
    } else if (name == "reference") {
        options.reference = value;
    } else {
        return refuse(EINVAL, "'{}' is unknown", name);
    }
    return {};
}

}  // namespace

std::vector<std::string> to_arguments(const ImportOptions& options) {
    std::vector<std::string> arguments;
    arguments.reserve(kLimits.size() + 4);
    for (const LimitName& limit : kLimits)
        arguments.push_back(fmt::format("{}={}", limit.name, options.limits.*limit.value));
    arguments.push_back(fmt::format("special={}", static_cast<unsigned>(options.special)));
    arguments.push_back(fmt::format("uid={}", options.uid));
    arguments.push_back(fmt::format("platform={}", options.platform));
    arguments.push_back(fmt::format("reference={}", options.reference));
    return arguments;
}

Result<ImportOptions> parse_import_arguments(const std::vector<std::string_view>& arguments) {
    ImportOptions options;
    for (const std::string_view argument : arguments) {
        const std::size_t equals = argument.find('=');
        if (equals == std::string_view::npos) return refuse(EINVAL, "'{}' has no '='", argument);
        SR_DO(take(options, argument.substr(0, equals), argument.substr(equals + 1)));
    }
    return options;
}

}  // namespace shardrun::image
