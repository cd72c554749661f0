#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fetcher/destination.h"
#include "fetcher/fetch_plan.h"
#include "fetcher/options.h"
#include "fetcher/response_head.h"

namespace shardrun::fetcher {

struct CurlDeleter {
    void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

/// What a server calls the version of the bytes that are there, and where they came from.
struct Validator {
    std::string url;
    std::string value;  ///< an ETag with its quotes; empty: none
};

/// One request and its answer: asks for what the destination lacks and writes what comes. libcurl
/// drives it; it stays where it is meanwhile.
class HttpExchange {
 public:
    /// `destination` and `validator` outlive it. Errors: ENOMEM, EINVAL.
    static Result<std::unique_ptr<HttpExchange>> create(const std::string& url,
                                                        const FetchOptions& options,
                                                        Destination& destination,
                                                        Validator& validator);
    HttpExchange(const HttpExchange&) = delete;
    HttpExchange& operator=(const HttpExchange&) = delete;
    ~HttpExchange() = default;

    CURL* handle() const { return handle_.get(); }
    /// libcurl says that it is over.
    AttemptEnd finish(CURLcode code);

 private:
    HttpExchange(std::string url, Destination& destination, Validator& validator)
        : url_(std::move(url)),
          destination_(&destination),
          validator_(&validator),
          began_at_(destination.size_bytes()) {}
    Result<void> set_up(const FetchOptions& options);
    Result<void> set_up_range();
    template <class Value>
    void set(CURLoption option, Value value);

    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    bool take_body(std::span<const std::byte> bytes);
    void begin_body();
    void begin_part();
    void begin_whole();
    void keep(const Result<void>& done);
    unsigned status() const;
    AttemptEnd judge(CURLcode code);
    AttemptEnd judge_all_that_came();

    std::string url_;
    Destination* destination_;
    Validator* validator_;
    std::uint64_t began_at_;
    std::unique_ptr<CURL, CurlDeleter> handle_;
    std::unique_ptr<curl_slist, CurlDeleter> headers_;
    std::array<char, CURL_ERROR_SIZE> detail_{};
    CURLcode set_failed_ = CURLE_OK;
    ResponseHead head_;
    bool has_body_begun_ = false;
    bool is_wanted_ = false;
    std::size_t unwanted_bytes_ = 0;
    std::optional<AttemptEnd> fault_;  // Why we broke it off.
};

}  // namespace shardrun::fetcher
