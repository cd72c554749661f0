#include "cli/run_options.h"

namespace shardrun::cli {
namespace {

void bind_limits(OptionParser& parser, RunOptions& options) {
    parser.text("--cpus", "CORES", options.cpus, "CPU time in cores, as in 1.5");
    parser.text("--cpu-weight", "N", options.cpu_weight, "share of CPU time, 1 to 10000");
    parser.text("--cpuset", "LIST", options.cpuset, "cores that may be used, as in 0-3,7");
    parser.text("--memory", "SIZE", options.memory, "memory; above it the shard is killed");
    parser.text("--memory-high", "SIZE", options.memory_high, "memory; above it it is slowed down");
    parser.text("--swap", "SIZE", options.swap, "swap; default 0");
    parser.text("--pids", "N", options.pids, "processes and threads");
    parser.texts("--io-max", "DEV:RATES", options.io_max,
                 "disk rates, as in /dev/sda:rbps=10M,wiops=100");
    parser.text("--io-weight", "N", options.io_weight, "share of disk time, 1 to 10000");
    parser.text("--tmpfs", "SIZE", options.tmpfs, "size of the shard's private tmpfs");
    parser.text("--files", "N", options.files, "open files of each program");
}

void bind_shard(OptionParser& parser, RunOptions& options) {
    parser.text("--network", "MODE", options.network,
                "none (default) or, where it is allowed, host");
    parser.text("--seccomp", "NAME|FILE", options.seccomp,
                "a configured profile; a file (with '/') only embedded");
    parser.texts("--cap", "CAP_X", options.capabilities, "grant a capability");
    parser.flag("--userns", options.user_namespace, "in a user namespace as well");
    parser.text("--hostname", "NAME", options.hostname, "host name inside");
}

void bind_image(OptionParser& parser, RunOptions& options) {
    parser.text("--image", "NAME", options.image,
                "an image's files as the root; 'shardrun image ls' shows them");
    parser.text("--prefetch", "LIST", options.prefetch,
                "have these files there before they are opened: one path per line");
    parser.flag("--prefetch-wait", options.prefetch_wait, "start the program when all are there");
    parser.flag("--no-prefetch", options.no_prefetch, "load a file only when it is opened");
    parser.text("--record", "FILE", options.record,
                "write which files were opened, as a LIST for the next run");
    parser.text("--store", "DIR", options.store,
                "embedded: where the images are; default /var/lib/shardrun");
    parser.texts("--origin", "URL|DIR", options.origins,
                 "embedded: where blobs come from that the store lacks");
}

void bind_program(OptionParser& parser, RunOptions& options) {
    parser.texts("--env", "NAME[=VALUE]", options.env,
                 "environment; without =VALUE it is passed on from here");
    parser.text("--cwd", "DIR", options.cwd, "working directory inside");
    parser.text("--tty", "WHEN", options.tty, "auto (default), always or never: on a terminal");
    parser.text("--timeout", "TIME", options.timeout,
                "end it after so long, as in 30s; status 124");
    parser.text("--socket", "PATH", options.socket, "the supervisor's socket");
    parser.text("--json-info", "FILE", options.json_info, "write what the shard was, as JSON");
    parser.flag("--report", options.report, "show what the shard was, on standard error");
    parser.program(options.program);
}

}  // namespace

const OptionParser::Description kRunDescription{
    "run", "[OPTION]... [--] PROGRAM [ARGUMENT]...",
    "Runs a program in a new shard, or in one that exists, and ends with its exit status.\n"
    "Sizes are bytes or have K, M, G or T. 125: shardrun failed; 126: the program cannot be\n"
    "executed; 127: it is not there; 124: its time was over; 128+N: signal N ended it.",
    "  shardrun run -- python3 -c 'print(6 * 7)'\n"
    "  shardrun run --cpus 0.5 --memory 256M --pids 32 --timeout 10s -- ./untrusted\n"
    "  sudo shardrun run --embedded --best-effort --report -- true\n"
    "  shardrun run --image app --record start.list -- /usr/bin/python3 app.py\n"
    "  shardrun run --image app --prefetch start.list -- /usr/bin/python3 app.py\n"
    "  shardrun run --env HOME --env LANG=C --cwd /tmp -- sh\n"};

const OptionParser::Description kExecDescription{
    "exec", "[OPTION]... SHARD [--] PROGRAM [ARGUMENT]...",
    "Runs a program in a shard that exists and ends with its exit status, as 'shardrun run' does.",
    "  shardrun exec 7 -- ps\n"
    "  shardrun exec --tty always 7 -- sh\n"};

void bind_run_options(OptionParser& parser, RunOptions& options) {
    parser.text("--shard", "ID", options.shard, "in this shard instead of a new one");
    bind_limits(parser, options);
    bind_shard(parser, options);
    bind_image(parser, options);
    parser.text("--profile", "NAME", options.profile,
                "whose history it adds to; default 'default'");
    parser.flag("--embedded", options.embedded, "without a supervisor (root only)");
    parser.flag("--no-embedded", options.no_embedded, "fail when no supervisor listens");
    parser.flag("--best-effort", options.best_effort,
                "embedded: go on without controllers that the host lacks");
    parser.text("--config", "FILE", options.config,
                "embedded: settings; default /etc/shardrun/shardrun.toml");
    bind_program(parser, options);
}

void bind_exec_options(OptionParser& parser, RunOptions& options) {
    bind_program(parser, options);
}

}  // namespace shardrun::cli
