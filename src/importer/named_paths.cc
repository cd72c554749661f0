#include "importer/named_paths.h"

#include <algorithm>
#include <set>

namespace shardrun::importer {
namespace {

constexpr std::size_t kPathMax = 1024;
constexpr std::size_t kShebangMax = 256;  // BINPRM_BUF_SIZE
constexpr std::size_t kLinesMax = 4096;

bool may_stand_in_path(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+@%~").find(c) != std::string_view::npos ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// Where a path may begin: not in the middle of a word, of a URL or of a relative path.
bool may_stand_before(char c) {
    return !may_stand_in_path(c) && c != '$' && c != '}';
}

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

std::vector<std::string> split(std::string_view line) {
    std::vector<std::string> words;
    while (!line.empty()) {
        const auto begin = std::ranges::find_if_not(line, is_blank);
        const auto end = std::find_if(begin, line.end(), is_blank);
        if (begin != end) words.emplace_back(begin, end);
        line.remove_prefix(static_cast<std::size_t>(end - line.begin()));
    }
    return words;
}

}  // namespace

std::vector<std::string> find_named_paths(std::string_view text) {
    std::set<std::string, std::less<>> found;
    std::size_t at = 0;
    while ((at = text.find('/', at)) != std::string_view::npos && found.size() < kNamedPathsMax) {
        // "://" begins the host of a URL.
        const bool is_url = at > 0 && text[at - 1] == ':' && text.substr(at, 2) == "//";
        const bool begins = (at == 0 || may_stand_before(text[at - 1])) && !is_url;
        const auto end = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at),
                                          text.end(), may_stand_in_path);
        std::string_view path = text.substr(at, static_cast<std::size_t>(end - text.begin()) - at);
        at += path.size();
        while (path.ends_with('.') || path.ends_with('/')) path.remove_suffix(1);
        if (begins && path.size() > 1 && path.size() <= kPathMax) found.emplace(path);
    }
    return {found.begin(), found.end()};
}

std::vector<std::string> parse_shebang(std::string_view head) {
    if (!head.starts_with("#!")) return {};
    std::string_view line = head.substr(2, kShebangMax);
    line = line.substr(0, line.find('\n'));
    if (line.find('\0') != std::string_view::npos) return {};
    return split(line);
}

std::vector<std::string> parse_ld_so_conf(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty() && lines.size() < kLinesMax) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        line = line.substr(0, line.find('#'));
        const std::vector<std::string> words = split(line);
        if (words.size() == 2 && words[0] == "include") lines.push_back("include " + words[1]);
        // A directory may carry "=TYPE", which is history.
        if (words.size() == 1 && words[0].starts_with('/'))
            lines.push_back(words[0].substr(0, words[0].find('=')));
    }
    return lines;
}

}  // namespace shardrun::importer
