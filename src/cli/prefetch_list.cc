#include "cli/prefetch_list.h"

#include <algorithm>
#include <cerrno>

#include "base/fail.h"

namespace shardrun::cli {
namespace {

constexpr std::size_t kPathSizeMax = 4095;

Result<void> check_line(std::string_view line, std::size_t number) {
    if (!line.starts_with('/'))
        return refuse(EINVAL, "line {}: '{}' is no absolute path", number, line.substr(0, 64));
    if (line.size() > kPathSizeMax)
        return refuse(EINVAL, "line {}: a path of {} bytes; {} may be", number, line.size(),
                      kPathSizeMax);
    if (line.find('\0') != std::string_view::npos)
        return refuse(EINVAL, "line {}: holds a NUL byte", number);
    return {};
}

}  // namespace

Result<std::vector<std::string>> parse_prefetch_list(std::string_view text) {
    std::vector<std::string> paths;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.empty() || line.starts_with('#')) continue;
        SR_DO(check_line(line, number));
        if (paths.size() == kPrefetchListMax)
            return refuse(E2BIG, "line {}: more than {} files", number, kPrefetchListMax);
        paths.emplace_back(line);
    }
    return paths;
}

std::string render_prefetch_list(const std::vector<std::string>& paths) {
    std::string text;
    for (const std::string& path : paths)
        if (path.find('\n') == std::string::npos) text += path + '\n';  // Else it would be two.
    return text;
}

}  // namespace shardrun::cli
