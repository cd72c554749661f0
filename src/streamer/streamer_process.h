#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shardrun/error.h"
#include "streamer/message.h"
#include "sys/helper_link.h"
#include "sys/unique_fd.h"

namespace shardrun::streamer {

struct StreamerConfig {
    std::string program;  ///< shardrun-streamer
    uid_t uid = 0;        ///< 0: ours, for tests
    gid_t gid = 0;
    unsigned prefetch_workers = 1;
    std::uint64_t prefetch_in_flight_bytes = std::uint64_t{512} * 1024;
    std::size_t jobs_max = 2048;  ///< under way at once, with two descriptors each
    bool has_ring = true;
};

/// The running streamer, for whoever gives it work. Ends with the object.
class StreamerProcess {
 public:
    static Result<StreamerProcess> start(const StreamerConfig& config);

    /// To be polled for EPOLLIN, and for EPOLLOUT while wants_to_send().
    int fd() const { return link_.fd(); }
    pid_t pid() const { return link_.pid(); }

    /// `source`, opened for this job alone, and `destination` are closed here once they are sent.
    /// Never blocks; a prefetch may wait for others until flush(). Errors: EAGAIN when jobs_max are
    /// under way, for prefetches a quarter earlier; EPIPE when the streamer is gone.
    Result<void> fill(const FillOrder& order, sys::UniqueFd source, sys::UniqueFd destination);
    /// A job that has ended already is fine.
    Result<void> promote(JobId job) { return link_.send(encode(PromoteOrder{job})); }
    Result<void> cancel(JobId job) { return link_.send(encode(CancelOrder{job})); }

    /// Orders that the socket had no room for.
    bool wants_to_send() const { return link_.wants_to_send(); }
    Result<void> flush() { return link_.flush(); }

    /// What ended since; each job once. Errors: EPIPE when the streamer is gone: what is under way
    /// is lost, and after end() none of it writes any more.
    Result<std::vector<Report>> next_reports();
    std::size_t jobs_under_way() const { return link_.jobs_under_way(); }

    /// Kills it and waits for that.
    void end() { link_.end(); }

 private:
    explicit StreamerProcess(sys::HelperLink link) : link_(std::move(link)) {}

    sys::HelperLink link_;
};

}  // namespace shardrun::streamer
