#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/options.h"
#include "bench/supervisor_process.h"

namespace shardrun::bench {

/// One launch of /usr/bin/true, from the request to its exit status.
using Launch = std::function<Result<void>()>;

/// One way of launching.
struct Contender {
    std::string name;
    std::string what;
    /// A launcher of its own for each thread: one must not be shared.
    std::function<Result<Launch>()> open;
    bool is_for_rate = true;  ///< also measured under sustained load
};

inline constexpr const char* kPayload = "/usr/bin/true";

/// The supervisors that the contenders talk to, and what else has to live as long as they do.
struct Stage {
    std::vector<std::shared_ptr<SupervisorProcess>> supervisors;
    std::vector<std::shared_ptr<void>> others;
    std::vector<Contender> contenders;
};

/// Adds a bare vfork and exec.
void add_bare(Stage& stage);
/// Adds bubblewrap, crun and runc, as far as they are installed; says which are not.
Result<void> add_peers(Stage& stage, const std::string& folder);
/// Adds every way through shardrun. `with_flatness`: also the supervisors with many mounts and much
/// memory.
Result<void> add_own(Stage& stage, const Options& options, const std::string& folder,
                     bool with_flatness);

}  // namespace shardrun::bench
