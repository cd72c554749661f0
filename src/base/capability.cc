#include "base/capability.h"

#include <sys/capability.h>

#include <algorithm>
#include <cctype>
#include <memory>

namespace shardrun {
namespace {

std::string upper_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char letter) {
        return static_cast<char>(std::toupper(letter));
    });
    return text;
}

}  // namespace

std::optional<unsigned> capability_number(std::string_view name) {
    const std::string text(name);
    cap_value_t value = 0;
    if (::cap_from_name(text.c_str(), &value) != 0) return std::nullopt;
    // libcap also takes small letters, numbers and what follows a blank; one spelling is enough.
    if (capability_names(std::uint64_t{1} << static_cast<unsigned>(value)) != std::vector{text})
        return std::nullopt;
    return static_cast<unsigned>(value);
}

std::vector<std::string> capability_names(std::uint64_t bits) {
    std::vector<std::string> names;
    for (unsigned number = 0; number <= CAP_LAST_CAP; ++number) {
        if ((bits >> number & 1U) == 0) continue;
        const std::unique_ptr<char, int (*)(void*)> name(
            ::cap_to_name(static_cast<cap_value_t>(number)), ::cap_free);
        if (name) names.push_back(upper_case(name.get()));
    }
    return names;
}

}  // namespace shardrun
