#include "fetcher/http_client.h"

#include <cerrno>
#include <utility>

#include "base/fail.h"

namespace shardrun::fetcher {

Result<std::unique_ptr<HttpClient>> HttpClient::create(const FetchOptions& options) {
    std::unique_ptr<HttpClient> client(new HttpClient(options));
    client->multi_.reset(::curl_multi_init());
    if (!client->multi_) return fail(ENOMEM, "make a client");
    CURLM* const multi = client->multi_.get();
    const auto transfers_max = static_cast<long>(options.transfers_max);
    const bool is_set =
        ::curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK &&
        ::curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, transfers_max) == CURLM_OK;
    if (!is_set) return fail(EINVAL, "set a client up");
    return client;
}

HttpClient::~HttpClient() {
    while (!exchanges_.empty()) abort(exchanges_.begin()->first);
}

Result<void> HttpClient::begin(JobId job, const std::string& url, Destination& destination,
                               Validator& validator) {
    SR_TRY(auto exchange, HttpExchange::create(url, *options_, destination, validator));
    CURL* const handle = exchange->handle();
    if (::curl_multi_add_handle(multi_.get(), handle) != CURLM_OK)
        return fail(ENOMEM, "begin a request");
    jobs_[handle] = job;
    exchanges_[job] = std::move(exchange);
    return {};
}

void HttpClient::abort(JobId job) {
    const auto found = exchanges_.find(job);
    if (found == exchanges_.end()) return;
    CURL* const handle = found->second->handle();
    (void)::curl_multi_remove_handle(multi_.get(), handle);  // Fails only for a wrong handle.
    jobs_.erase(handle);
    exchanges_.erase(found);
}

Result<void> HttpClient::wait(int also, std::chrono::milliseconds timeout) {
    curl_waitfd waited{also, CURL_WAIT_POLLIN, 0};
    const CURLMcode code =
        ::curl_multi_poll(multi_.get(), &waited, 1, static_cast<int>(timeout.count()), nullptr);
    if (code != CURLM_OK) return refuse(EIO, "wait: {}", ::curl_multi_strerror(code));
    return {};
}

std::vector<HttpClient::Finished> HttpClient::perform() {
    int running = 0;
    (void)::curl_multi_perform(multi_.get(), &running);  // Each request tells its own failure.
    std::vector<Finished> finished;
    int waiting = 0;
    while (const CURLMsg* const message = ::curl_multi_info_read(multi_.get(), &waiting)) {
        if (message->msg != CURLMSG_DONE) continue;
        // The message goes with its handle.
        const CURLcode code = message->data.result;
        const JobId job = jobs_.at(message->easy_handle);
        finished.push_back({job, exchanges_.at(job)->finish(code)});
        abort(job);
    }
    return finished;
}

}  // namespace shardrun::fetcher
