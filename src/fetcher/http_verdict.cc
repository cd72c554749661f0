#include "fetcher/http_verdict.h"

#include <fmt/format.h>

#include <cerrno>

namespace shardrun::fetcher {
namespace {

using Kind = AttemptEnd::Kind;

constexpr std::size_t kDetailMax = 160;

struct Meaning {
    Kind kind;
    int code;
};

Meaning meaning_of(unsigned status) {
    if (status == 404 || status == 410) return {Kind::not_found, ENOENT};
    if (status == 401 || status == 403) return {Kind::refused, EACCES};
    if (status == 408 || status == 429) return {Kind::temporary, EAGAIN};
    // The bytes that are there are more than the server has now.
    if (status == 416) return {Kind::temporary, ESTALE};
    if (status >= 500) return {Kind::temporary, EIO};
    return {Kind::refused, EPROTO};
}

Meaning meaning_of(CURLcode code) {
    switch (static_cast<int>(code)) {
        case CURLE_COULDNT_RESOLVE_HOST:
            return {Kind::temporary, EHOSTUNREACH};
        case CURLE_COULDNT_CONNECT:
            return {Kind::temporary, ECONNREFUSED};
        case CURLE_OPERATION_TIMEDOUT:
            return {Kind::temporary, ETIMEDOUT};
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_GOT_NOTHING:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
            return {Kind::temporary, ECONNRESET};
        case CURLE_TOO_MANY_REDIRECTS:
            return {Kind::refused, ELOOP};
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
            return {Kind::refused, EACCES};
        case CURLE_OUT_OF_MEMORY:
            return {Kind::local, ENOMEM};
        default:
            return {Kind::refused, EPROTO};
    }
}

}  // namespace

AttemptEnd end_of_status(unsigned status, std::chrono::seconds retry_after) {
    const Meaning meaning = meaning_of(status);
    const bool is_missing = meaning.kind == Kind::not_found;
    return {.kind = meaning.kind,
            .code = meaning.code,
            .http_status = status,
            .cause = is_missing ? fmt::format("does not have it (HTTP status {})", status)
                                : fmt::format("answers with HTTP status {}", status),
            .retry_after = retry_after};
}

AttemptEnd end_of_transport(CURLcode code, int os_errno, const std::string& detail) {
    const Meaning meaning = meaning_of(code);
    const bool is_timeout = code == CURLE_OPERATION_TIMEDOUT;
    return {.kind = meaning.kind,
            .code = os_errno > 0 && !is_timeout ? os_errno : meaning.code,
            .cause = printable(detail.empty() ? ::curl_easy_strerror(code) : detail, kDetailMax)};
}

}  // namespace shardrun::fetcher
