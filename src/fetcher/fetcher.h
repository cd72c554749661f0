#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/mono_time.h"
#include "base/rng.h"
#include "fetcher/destination.h"
#include "fetcher/directory_read.h"
#include "fetcher/fetch_plan.h"
#include "fetcher/http_client.h"
#include "fetcher/message.h"
#include "fetcher/options.h"
#include "fetcher/transfer_slots.h"
#include "sys/seqpacket.h"
#include "sys/unique_fd.h"

namespace shardrun::fetcher {

/// The fetcher at work: one thread, which takes orders, performs the steps of each job's plan, and
/// reports.
class Fetcher {
 public:
    /// `options` and `clock` outlive it.
    Fetcher(int control, const FetchOptions& options, Clock& clock);

    /// Opens the origins' directories and all else that confinement would not allow later. A
    /// directory that cannot be opened is told with each blob that is asked of it.
    Result<void> start();
    /// Until the other end of the control socket closes.
    Result<void> run();

    /// The origins' directories that are open.
    std::vector<int> directories() const;

 private:
    struct Job {
        FetchOrder order;
        MonoTime begun;
        Destination destination;
        FetchPlan plan;
        Ask ask{};
        MonoTime wake{MonoTime::max()};  // When a pause ends; max: there is none.
        Validator validator{};
        std::unique_ptr<DirectoryRead> reading{};
    };
    struct OpenDirectory {
        sys::UniqueFd fd;
        int open_errno = 0;
    };

    Result<bool> receive_all();
    void on_packet(sys::Packet packet);
    void on_fetch(const FetchOrder& order, sys::Packet packet);
    void on_promote(JobId job);
    void on_cancel(JobId job);

    void perform(Job& job, const Step& step);
    void begin_waiting_transfers();
    void begin_transfer(Job& job);
    void on_transfer_end(JobId id, const AttemptEnd& end);
    void conclude(JobId id, const Conclusion& conclusion);
    void send(const Report& report) const;

    void step_reads();
    void fire_timers();
    std::chrono::milliseconds time_to_wait() const;

    int control_;
    const FetchOptions* options_;
    Clock* clock_;
    Rng rng_;
    std::vector<std::string> names_;
    std::vector<OpenDirectory> directories_;  // One for each origin; empty for the HTTP ones.
    std::unordered_map<JobId, std::unique_ptr<Job>> jobs_;
    TransferSlots slots_;
    std::unique_ptr<HttpClient> http_;  // Goes before the jobs it writes for.
};

}  // namespace shardrun::fetcher
