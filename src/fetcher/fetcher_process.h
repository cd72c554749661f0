#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fetcher/message.h"
#include "fetcher/options.h"
#include "shardrun/error.h"
#include "sys/helper_link.h"
#include "sys/unique_fd.h"

namespace shardrun::fetcher {

struct FetcherConfig {
    std::string program;  ///< shardrun-fetch
    uid_t uid = 0;        ///< 0: ours, for tests; an origin's directory must be readable for it
    gid_t gid = 0;
    std::size_t jobs_max = 256;  ///< under way at once, with a descriptor each
    FetchOptions options;
};

/// The running fetcher, for whoever lacks blobs. Ends with the object. Its reports are what a
/// process says that hears from strangers: whoever relies on a digest computes it again.
class FetcherProcess {
 public:
    static Result<FetcherProcess> start(const FetcherConfig& config);

    /// To be polled for EPOLLIN, and for EPOLLOUT while wants_to_send().
    int fd() const { return link_.fd(); }
    pid_t pid() const { return link_.pid(); }

    /// `file`, empty and open for reading and writing, is closed here once it is sent. Never
    /// blocks. Errors: EAGAIN when jobs_max are under way, for prefetches a quarter earlier; EPIPE
    /// when the fetcher is gone.
    Result<void> fetch(const FetchOrder& order, sys::UniqueFd file);
    /// A job that has ended already is fine.
    Result<void> promote(JobId job) { return link_.send(encode(PromoteOrder{job})); }
    Result<void> cancel(JobId job) { return link_.send(encode(CancelOrder{job})); }

    /// Orders that the socket had no room for.
    bool wants_to_send() const { return link_.wants_to_send(); }
    Result<void> flush() { return link_.flush(); }

    /// What ended since; each job once. Errors: EPIPE when the fetcher is gone: what is under way
    /// is lost, and after end() none of it writes any more.
    Result<std::vector<Report>> next_reports();
    std::size_t jobs_under_way() const { return link_.jobs_under_way(); }

    /// Kills it and waits for that.
    void end() { link_.end(); }

 private:
    explicit FetcherProcess(sys::HelperLink link) : link_(std::move(link)) {}

    sys::HelperLink link_;
};

}  // namespace shardrun::fetcher
