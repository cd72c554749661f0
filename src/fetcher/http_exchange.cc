#include "fetcher/http_exchange.h"

#include <cerrno>

#include "base/fail.h"
#include "fetcher/http_verdict.h"

namespace shardrun::fetcher {
namespace {

using Kind = AttemptEnd::Kind;

constexpr long kRedirectsMax = 5;
constexpr long kReceiveBufferBytes = 256L * 1024;
// The page that goes with a refusal is read to its end, so that the connection can serve again, but
// not however long it is.
constexpr std::size_t kUnwantedMax = std::size_t{64} * 1024;
constexpr const char* kProtocols = "http,https";

}  // namespace

Result<std::unique_ptr<HttpExchange>> HttpExchange::create(const std::string& url,
                                                           const FetchOptions& options,
                                                           Destination& destination,
                                                           Validator& validator) {
    std::unique_ptr<HttpExchange> exchange(new HttpExchange(url, destination, validator));
    SR_DO(exchange->set_up(options));
    return exchange;
}

template <class Value>
void HttpExchange::set(CURLoption option, Value value) {
    const CURLcode code = ::curl_easy_setopt(handle_.get(), option, value);
    if (code != CURLE_OK) set_failed_ = code;
}

Result<void> HttpExchange::set_up(const FetchOptions& options) {
    handle_.reset(::curl_easy_init());
    if (!handle_) return fail(ENOMEM, "make a request");
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PRIVATE, static_cast<void*>(this));
    set(CURLOPT_ERRORBUFFER, detail_.data());
    set(CURLOPT_HEADERFUNCTION, &HttpExchange::on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_WRITEFUNCTION, &HttpExchange::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
    set(CURLOPT_NOSIGNAL, 1L);
    // A name that does not resolve must not hold up the others when its time is over.
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_USERAGENT, "shardrun-fetch");
    // What a server says may lead to another server, never to a file or another protocol.
    set(CURLOPT_PROTOCOLS_STR, kProtocols);
    set(CURLOPT_REDIR_PROTOCOLS_STR, kProtocols);
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kRedirectsMax);
    // The configuration says whom to ask; nothing else does.
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    // Over HTTP/2, one connection carries them all: worth waiting for what the server speaks.
    set(CURLOPT_PIPEWAIT, url_.starts_with("https:") ? 1L : 0L);
    set(CURLOPT_CONNECTTIMEOUT_MS, options.connect_timeout.count());
    set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.stall_bytes_per_s));
    set(CURLOPT_LOW_SPEED_TIME, options.stall_time.count());
    return set_up_range();
}

Result<void> HttpExchange::set_up_range() {
    std::string headers[] = {"Accept-Encoding: identity", "If-Range: " + validator_->value};
    // Of another server's version this one knows nothing; there, the digest alone decides.
    const bool has_validator =
        began_at_ > 0 && validator_->url == url_ && !validator_->value.empty();
    curl_slist* list = ::curl_slist_append(nullptr, headers[0].c_str());
    if (list != nullptr && has_validator) {
        headers_.reset(list);
        list = ::curl_slist_append(headers_.release(), headers[1].c_str());
    }
    if (list == nullptr) return fail(ENOMEM, "make a request");
    headers_.reset(list);
    set(CURLOPT_HTTPHEADER, headers_.get());
    // Not CURLOPT_RESUME_FROM: with it an answer with the whole file would be an error.
    if (began_at_ > 0) set(CURLOPT_RANGE, fmt::format("{}-", began_at_).c_str());
    if (set_failed_ != CURLE_OK)
        return refuse(EINVAL, "prepare a request: {}", ::curl_easy_strerror(set_failed_));
    return {};
}

std::size_t HttpExchange::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    static_cast<HttpExchange*>(self)->head_.on_line({data, size * count});
    return size * count;
}

std::size_t HttpExchange::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    const auto bytes = std::as_bytes(std::span(data, size * count));
    // Any other number than that of the bytes breaks it off.
    return static_cast<HttpExchange*>(self)->take_body(bytes) ? bytes.size() : 0;
}

bool HttpExchange::take_body(std::span<const std::byte> bytes) {
    if (!has_body_begun_) begin_body();
    if (fault_) return false;
    if (is_wanted_) {
        keep(destination_->append(bytes));
        return !fault_;
    }
    unwanted_bytes_ += bytes.size();
    return unwanted_bytes_ <= kUnwantedMax;
}

void HttpExchange::begin_body() {
    has_body_begun_ = true;
    is_wanted_ = status() == 200 || status() == 206;
    if (!is_wanted_) return;
    status() == 200 ? begin_whole() : begin_part();
    if (fault_) return;
    *validator_ = {url_, head_.validator()};
    curl_off_t size = -1;
    (void)::curl_easy_getinfo(handle_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    if (size > 0) keep(destination_->expect(static_cast<std::uint64_t>(size)));
}

/// Also when we asked for the rest: it has changed, or the server never gives parts.
void HttpExchange::begin_whole() {
    if (destination_->size_bytes() > 0) keep(destination_->restart());
    began_at_ = 0;
}

void HttpExchange::begin_part() {
    const auto& range = head_.range();
    if (range && range->first == destination_->size_bytes() && began_at_ > 0) return;
    const auto restarted = destination_->restart();
    began_at_ = 0;
    if (!restarted) return keep(restarted);
    fault_ = {.kind = Kind::temporary,
              .code = EPROTO,
              .cause = "answers with another part than was asked for"};
}

void HttpExchange::keep(const Result<void>& done) {
    if (!done) fault_ = end_of_error(done.error(), *destination_);
}

unsigned HttpExchange::status() const {
    long status = 0;
    (void)::curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    return static_cast<unsigned>(status);
}

AttemptEnd HttpExchange::finish(CURLcode code) {
    // An empty body begins with its end.
    if (code == CURLE_OK && !has_body_begun_) begin_body();
    AttemptEnd end = fault_ ? *fault_ : judge(code);
    end.http_status = status();
    end.began_at = began_at_;
    end.bytes_there = destination_->size_bytes();
    return end;
}

AttemptEnd HttpExchange::judge(CURLcode code) {
    const bool is_answer = status() >= 400 || (code == CURLE_OK && !is_wanted_);
    if (is_answer) {
        curl_off_t retry_after = 0;
        (void)::curl_easy_getinfo(handle_.get(), CURLINFO_RETRY_AFTER, &retry_after);
        // What cannot be gone on from is begun anew.
        if (status() == 416) keep(destination_->restart());
        return fault_ ? *fault_ : end_of_status(status(), std::chrono::seconds(retry_after));
    }
    // However the connection ended: if that was all, it counts.
    if (code == CURLE_OK || destination_->is_full()) return judge_all_that_came();
    long os_errno = 0;
    (void)::curl_easy_getinfo(handle_.get(), CURLINFO_OS_ERRNO, &os_errno);
    return end_of_transport(code, static_cast<int>(os_errno), detail_.data());
}

AttemptEnd HttpExchange::judge_all_that_came() {
    const std::uint64_t there = destination_->size_bytes();
    const auto& range = head_.range();
    if (status() == 206 && range && there < range->size.value_or(0))
        return {.kind = Kind::temporary, .code = EAGAIN, .cause = "sends less than was asked for"};
    return destination_->judge();
}

}  // namespace shardrun::fetcher
