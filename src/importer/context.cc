#include "importer/context.h"

#include <algorithm>

#include "base/fail.h"

namespace shardrun::importer {

Result<bool> admit_special(Context& context, std::string_view path, image::EntryType type) {
    if (context.options.special == image::SpecialFiles::keep) return true;
    if (context.options.special == image::SpecialFiles::refuse)
        return refuse(EPERM, "'{}' is a {}: --special keep takes it, --special skip leaves it out",
                      path, image::name_of(type));
    ++context.skipped_special;
    return false;
}

bool is_kept_xattr(std::string_view name, std::size_t value_size, image::EntryType type) {
    const bool is_capability = value_size == 12 || value_size == 20 || value_size == 24;
    if (name == "security.capability") return type == image::EntryType::file && is_capability;
    return name.starts_with("user.") && name.size() > 5 && name.size() <= 255;
}

Result<void> set_xattrs(image::Entry& entry, std::vector<image::Xattr> xattrs) {
    std::ranges::sort(xattrs, {}, &image::Xattr::name);
    const auto repeated = std::ranges::unique(xattrs, {}, &image::Xattr::name);
    xattrs.erase(repeated.begin(), repeated.end());
    if (xattrs.size() > image::kXattrsMax)
        return refuse(E2BIG, "has more than {} extended attributes", image::kXattrsMax);
    for (const image::Xattr& xattr : xattrs)
        if (xattr.value.size() > image::kXattrValueMax)
            return refuse(E2BIG, "has an extended attribute of {} bytes", xattr.value.size());
    entry.xattrs = std::move(xattrs);
    return {};
}

}  // namespace shardrun::importer
