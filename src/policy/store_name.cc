#include "policy/store_name.h"

#include <algorithm>
#include <cerrno>

#include "base/fail.h"
#include "base/store_name.h"

namespace shardrun::policy {

namespace {

constexpr std::size_t kPathSizeMax = 4096;
constexpr std::size_t kDigestDigits = 64;
constexpr std::size_t kQuotedMax = 100;  // of a name in a sentence
constexpr std::string_view kDigestPrefix = "sha256:";

bool is_small_hex_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool has_dots(std::string_view path) {
    while (!path.empty()) {
        const std::string_view first = path.substr(0, path.find('/'));
        if (first == "." || first == "..") return true;
        path.remove_prefix(std::min(first.size() + 1, path.size()));
    }
    return false;
}

}  // namespace

Result<void> check_store_name(std::string_view field, std::string_view name) {
    if (is_store_name(name)) return {};
    return refuse(EINVAL, "{}: '{}' is no name: {}", field, name.substr(0, kQuotedMax),
                  kStoreNameRule);
}

Result<void> check_tree_path(std::string_view path) {
    if (path.size() > kPathSizeMax)
        return refuse(EINVAL, "name: a path of {} bytes is longer than {}", path.size(),
                      kPathSizeMax);
    if (path.starts_with('/') && path.find('\0') == std::string_view::npos && !has_dots(path))
        return {};
    return refuse(EINVAL, "name: '{}' is not an absolute path without '.' and '..'",
                  path.substr(0, kQuotedMax));
}

bool is_digest(std::string_view name) {
    if (name.starts_with(kDigestPrefix)) name.remove_prefix(kDigestPrefix.size());
    return name.size() == kDigestDigits &&
           std::all_of(name.begin(), name.end(), is_small_hex_digit);
}

Result<void> check_blob(const Grant& grant, std::string_view name) {
    SR_DO(check_store_name("name", name));
    // Names are given by root so that blobs are read. A digest reaches every file of every image,
    // and is no secret that would show a right to it: it stands in listings and logs.
    if (!is_digest(name) || grant.uid == 0 || grant.rule.is_administrator) return {};
    return refuse(EACCES, "name: a digest is for root and administrators, by {}; ask for a name",
                  grant.key("is_administrator"));
}

}  // namespace shardrun::policy
