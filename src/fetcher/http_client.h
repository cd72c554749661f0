#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "fetcher/http_exchange.h"
#include "fetcher/message.h"

namespace shardrun::fetcher {

/// Requests under way, over connections that are kept for the next ones. One thread.
class HttpClient {
 public:
    /// `options` outlives it. Errors: ENOMEM.
    static Result<std::unique_ptr<HttpClient>> create(const FetchOptions& options);
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();

    /// Until it is finished or aborted, `destination` and `validator` stay where they are. Errors:
    /// ENOMEM.
    Result<void> begin(JobId job, const std::string& url, Destination& destination,
                       Validator& validator);
    /// One that is not under way is fine.
    void abort(JobId job);

    /// Until something can be done, `also` is readable, or the time is over. Errors: as poll(2).
    Result<void> wait(int also, std::chrono::milliseconds timeout);

    struct Finished {
        JobId job{};
        AttemptEnd end;
    };
    /// Does what can be done now.
    std::vector<Finished> perform();

 private:
    explicit HttpClient(const FetchOptions& options) : options_(&options) {}

    struct MultiDeleter {
        void operator()(CURLM* multi) const { (void)::curl_multi_cleanup(multi); }
    };
    const FetchOptions* options_;
    std::unique_ptr<CURLM, MultiDeleter> multi_;
    std::unordered_map<JobId, std::unique_ptr<HttpExchange>> exchanges_;
    std::unordered_map<CURL*, JobId> jobs_;
};

}  // namespace shardrun::fetcher
