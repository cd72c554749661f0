#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/option_parser.h"

namespace shardrun::cli {

/// The options of `run` and `exec` as they were written.
struct RunOptions {
    std::optional<std::string> shard, cpus, cpu_weight, cpuset, memory, memory_high, swap, pids,
        io_weight, tmpfs, files, network, seccomp, hostname;
    std::vector<std::string> io_max, capabilities;
    bool user_namespace = false;

    std::optional<std::string> image, store, prefetch, record;
    std::vector<std::string> origins;
    bool no_prefetch = false;
    bool prefetch_wait = false;

    std::vector<std::string> env;
    std::optional<std::string> cwd, tty, timeout;

    std::optional<std::string> profile, socket, config, json_info;
    bool embedded = false;
    bool no_embedded = false;
    bool best_effort = false;
    bool report = false;

    std::vector<std::string> program;
};

extern const OptionParser::Description kRunDescription;
extern const OptionParser::Description kExecDescription;

/// `options` must outlive the parser's `parse`.
void bind_run_options(OptionParser& parser, RunOptions& options);
void bind_exec_options(OptionParser& parser, RunOptions& options);

}  // namespace shardrun::cli
