#include "fetcher/origin.h"

#include <algorithm>

#include "base/fail.h"

namespace shardrun::fetcher {
namespace {

constexpr std::string_view kSchemes[] = {"http://", "https://"};

bool is_scheme_of(std::string_view text, std::string_view scheme) {
    return text.size() > scheme.size() && text.starts_with(scheme);
}

/// Only what needs no escape; a query or fragment could not have a path put after it.
bool is_url_byte(char byte) {
    return byte > ' ' && byte <= '~' &&
           std::string_view("?#\"<>\\^`{|}").find(byte) == std::string_view::npos;
}

Result<void> check_url(std::string_view text, std::string_view rest) {
    const std::string_view host = rest.substr(0, rest.find('/'));
    if (host.empty() || host.front() == ':')
        return refuse(EINVAL, "origin '{}' names no host", text);
    if (host.find('@') != std::string_view::npos)
        return refuse(EINVAL, "an origin has no user and password in it: '{}'",
                      rest.substr(host.find('@') + 1));
    if (!std::ranges::all_of(rest, is_url_byte))
        return refuse(EINVAL, "origin '{}' has bytes that a URL's path does not have", text);
    return {};
}

std::string without_slashes(std::string_view text) {
    while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
    return std::string(text);
}

}  // namespace

Result<Origin> parse_origin(std::string_view text) {
    if (text.size() > kOriginSizeMax)
        return refuse(EINVAL, "an origin of {} bytes is longer than {}", text.size(),
                      kOriginSizeMax);
    if (text.starts_with('/') && text.find('\0') == std::string_view::npos)
        return Origin{without_slashes(text), Origin::Kind::directory};
    for (const std::string_view scheme : kSchemes) {
        if (!is_scheme_of(text, scheme)) continue;
        SR_DO(check_url(text, text.substr(scheme.size())));
        return Origin{without_slashes(text), Origin::Kind::http};
    }
    return refuse(EINVAL,
                  "'{}' is no origin: that is '/directory', 'http://host[:port]/prefix' or the "
                  "same with https",
                  text);
}

}  // namespace shardrun::fetcher
