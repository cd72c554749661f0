#include "image/path.h"

#include <algorithm>

#include "base/fail.h"

namespace shardrun::image {
namespace {

Result<void> check_name(std::string_view name) {
    if (name.empty()) return refuse(EINVAL, "has an empty part");
    if (name == ".") return refuse(EINVAL, "has '.' as a part");
    if (name == "..") return refuse(EINVAL, "has '..' as a part");
    if (name.size() > kNameSizeMax)
        return refuse(ENAMETOOLONG, "has a name of {} bytes, more than {}", name.size(),
                      kNameSizeMax);
    return {};
}

/// As a number by which '/' sorts before everything else.
unsigned rank_of(char c) {
    return c == '/' ? 0 : static_cast<unsigned char>(c) + 1U;
}

}  // namespace

Result<void> check_path(std::string_view path) {
    if (path.empty()) return {};
    if (path.size() > kPathSizeMax)
        return refuse(ENAMETOOLONG, "has {} bytes, more than {}", path.size(), kPathSizeMax);
    if (path.find('\0') != std::string_view::npos) return refuse(EINVAL, "has a NUL byte");
    if (path.front() == '/') return refuse(EINVAL, "is absolute");
    std::size_t begin = 0;
    while (true) {
        const std::size_t end = path.find('/', begin);
        SR_DO(check_name(path.substr(begin, end - begin)));
        if (end == std::string_view::npos) return {};
        begin = end + 1;
    }
}

std::strong_ordering compare_paths(std::string_view a, std::string_view b) {
    const auto [at_a, at_b] = std::ranges::mismatch(a, b);
    if (at_a == a.end() || at_b == b.end()) return a.size() <=> b.size();
    return rank_of(*at_a) <=> rank_of(*at_b);
}

std::string_view parent_path(std::string_view path) {
    SR_ASSERT(!path.empty());
    const std::size_t slash = path.rfind('/');
    return path.substr(0, slash == std::string_view::npos ? 0 : slash);
}

std::string_view last_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);  // npos + 1 is 0.
}

std::string join_path(std::string_view folder, std::string_view name) {
    std::string path;
    path.reserve(folder.size() + name.size() + 1);
    path.append(folder);
    if (!folder.empty()) path.append("/");
    return path.append(name);
}

bool is_within(std::string_view path, std::string_view folder) {
    if (folder.empty() || path == folder) return true;
    return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

std::size_t depth_of(std::string_view path) {
    if (path.empty()) return 0;
    return 1 + static_cast<std::size_t>(std::ranges::count(path, '/'));
}

}  // namespace shardrun::image
