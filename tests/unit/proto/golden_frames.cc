#include "golden_frames.h"

#include <limits>

namespace shardrun::proto {
namespace {

constexpr std::uint8_t kReply = 1;
constexpr std::uint8_t kError = 2;
constexpr std::uint8_t kMore = 4;
constexpr std::uint8_t kEvent = 8;
constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();

ShardLimits full_limits() {
    ShardLimits limits;
    limits.cpu_max_millicores = 1500;
    limits.cpu_weight = 10000;
    limits.cpuset_cpus = "0-3,7";
    limits.memory_high_bytes = 402653184;
    limits.memory_max_bytes = 536870912;
    limits.memory_swap_max_bytes = 0;
    limits.pids_max = 256;
    limits.io_max.push_back({.major = 8,
                             .minor = 0,
                             .read_bytes_per_second = 1048576,
                             .write_bytes_per_second = {},
                             .read_ops_per_second = {},
                             .write_ops_per_second = 500});
    limits.io_max.push_back({.major = 259,
                             .minor = 1,
                             .read_bytes_per_second = {},
                             .write_bytes_per_second = {},
                             .read_ops_per_second = {},
                             .write_ops_per_second = {}});
    limits.io_weight = 1;
    limits.tmpfs_size_max_bytes = 134217728;
    limits.files_max = kU64Max;
    return limits;
}

ShardOptions full_options() {
    ShardOptions options;
    options.limits = full_limits();
    options.network = NetworkMode::isolated;
    options.seccomp_profile = "default";
    options.hostname = "web-7";
    options.user_namespace = true;
    options.capabilities = {"CAP_NET_RAW", "CAP_NET_BIND_SERVICE"};
    options.image = "python:3.11";
    return options;
}

Digest digest() {
    Digest digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<std::byte>(i);
    return digest;
}

template <class What>
Frame request(std::uint64_t correlation, What what, std::uint8_t fd_count = 0) {
    return {MessageType::resource_request, 0, correlation, fd_count,
            ResourceRequest{std::move(what)}};
}

Frame assignment(std::uint64_t correlation, std::uint8_t flags, ShardAssignment message) {
    const auto fd_count = static_cast<std::uint8_t>(message.fds.size());
    return {MessageType::shard_assignment, flags, correlation, fd_count, std::move(message)};
}

ShardAssignment kind(AssignmentKind kind, std::uint64_t shard, std::uint64_t program) {
    ShardAssignment message;
    message.kind = kind;
    message.shard = ShardId{shard};
    message.program = ProgramId{program};
    return message;
}

ResourceRequest::Run run_new_shard() {
    ResourceRequest::Run run;
    run.program.argv = {"/bin/echo", "", "\xff\xc3\xa9"};
    run.program.env = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
    run.program.cwd = "/tmp";
    run.program.wants_pidfd = true;
    run.options.limits.memory_max_bytes = 67108864;
    run.options.network = NetworkMode::none;
    return run;
}

ResourceRequest::Run run_terminal() {
    ResourceRequest::Run run;
    run.shard = ShardId{7};
    run.program.argv = {"sh"};
    run.program.terminal = WindowSize{24, 80};
    return run;
}

void add_requests(std::map<std::string, Frame>& frames) {
    using R = ResourceRequest;
    frames["session"] = request(1, R::Session{"web"});
    frames["new-shard-default"] = request(2, R::NewShard{});
    frames["new-shard-full"] = request(3, R::NewShard{full_options()});
    frames["run-new-shard"] = request(0x0123456789abcdef, run_new_shard(), 3);
    frames["run-terminal"] = request(4, run_terminal());
    frames["signal"] = request(5, R::Signal{ShardId{7}, ProgramId{0}, 15});
    frames["release-one"] = request(6, R::Release{ShardId{7}});
    frames["release-all"] = request(7, R::Release{});
    frames["resize"] = request(8, R::Resize{ShardId{7}, full_limits()});
    frames["subscribe"] = request(9, R::Subscribe{true, true});
    frames["list-all"] = request(10, R::List{});
    frames["list-one"] = request(kU64Max, R::List{ShardId{kU64Max}});
    frames["blob"] = request(11, R::Blob{"models/tiny.bin"});
    frames["unknown-optional"] = request(15, R::Signal{ShardId{7}, ProgramId{3}, 1});
}

ShardAssignment assigned() {
    ShardAssignment message = kind(AssignmentKind::assigned, 7, 0);
    message.state = ShardState::ready;
    message.options = full_options();
    message.unenforced = 17;
    message.shard_uid = 1900000007;
    message.owner_uid = 1000;
    message.profile = "web";
    message.cgroup = "shardrun/slice-1/shard-7";
    message.init_pid = 4321;
    message.created_us_ago = 0;
    message.prepare_us = 1234;
    message.warm = false;
    message.fds = {FdRole::tmpfs};
    return message;
}

ShardAssignment started() {
    ShardAssignment message = kind(AssignmentKind::started, 7, 3);
    message.warm = true;
    message.fds = {FdRole::pidfd, FdRole::terminal};
    return message;
}

ShardAssignment exited() {
    ShardAssignment message = kind(AssignmentKind::exited, 7, 3);
    message.exit = ProgramExit{0, 9, true, 1500, 700, 67108864};
    message.reason = "memory.max of shard 7 was reached";
    return message;
}

ShardAssignment failed() {
    ShardAssignment message = kind(AssignmentKind::failed, 8, 0);
    message.state = ShardState::failed;
    message.reason = "create cgroup 'shard-8': No space left on device";
    return message;
}

ShardAssignment listed() {
    ShardAssignment message = kind(AssignmentKind::listed, 7, 0);
    message.state = ShardState::active;
    message.options = ShardOptions{};
    message.profile = "default";
    message.programs = {"3 4400 running sh", "4 4410 stopped sleep"};
    message.created_us_ago = 5000000;
    return message;
}

void add_assignments(std::map<std::string, Frame>& frames) {
    frames["assignment-session"] = assignment(1, kReply, kind(AssignmentKind::session, 0, 0));
    frames["assignment-assigned"] = assignment(3, kReply, assigned());
    frames["assignment-started"] = assignment(4, kReply, started());
    frames["assignment-exited"] = assignment(4, kEvent, exited());
    frames["assignment-failed"] = assignment(2, kReply, failed());
    frames["assignment-listed"] = assignment(10, kReply | kMore, listed());
    frames["assignment-listed-empty"] = assignment(10, kReply, kind(AssignmentKind::listed, 0, 0));
    frames["assignment-done"] = assignment(5, kReply, kind(AssignmentKind::done, 0, 0));
}

ShardStatus measured() {
    ShardStatus status;
    std::uint64_t figure = 1000;
    for (auto* field :
         {&status.cpu_usage_us, &status.cpu_throttled_us, &status.cpu_throttled_periods,
          &status.memory_current_bytes, &status.memory_peak_bytes, &status.memory_swap_bytes,
          &status.oom_kills, &status.pids_current, &status.pids_refused, &status.io_read_bytes,
          &status.io_write_bytes, &status.network_received_bytes, &status.network_sent_bytes,
          &status.tmpfs_used_bytes}) {
        *field = figure;
        figure += 1111111111;
    }
    status.shard = ShardId{7};
    status.cpu_pressure = Pressure{1250, 0};
    status.memory_pressure = Pressure{10000, 9999};
    status.io_pressure = Pressure{0, 0};
    status.limits = full_limits();
    return status;
}

void add_accesses(std::map<std::string, Frame>& frames) {
    frames["access"] = {MessageType::resource_access, 0, 12, 0,
                        ResourceAccess{ShardId{7}, BlobKind::code, "lib/site.py"}};
    ShardStatus report;
    report.shard = ShardId{7};
    report.reported_load = 7350;
    report.reported_queue = 12;
    frames["status-report"] = {MessageType::shard_status, 0, 13, 0, report};
    frames["status-measured"] = {MessageType::shard_status, kReply, 13, 0, measured()};
}

void add_prefetches(std::map<std::string, Frame>& frames) {
    PrefetchRequest hint{ShardId{7}, BlobKind::data, "models/tiny.bin", {}, {}, 250, {}};
    frames["prefetch-hint"] = {MessageType::prefetch_request, 0, 14, 0, hint};
    PrefetchRequest planned{ShardId{7},
                            BlobKind::configuration,
                            "etc/app.toml",
                            digest(),
                            8725,
                            40,
                            "seen 20 ms after lib/site.py in 19 of 20 starts"};
    frames["prefetch-planned"] = {MessageType::prefetch_request, kEvent, 9, 0, planned};
    PrefetchResponse small{ShardId{7}, BlobOutcome::hit, "lib/site.py", digest(), 5, 0, {}, {}};
    small.data = {std::byte{0}, std::byte{1}, std::byte{0xfe}, std::byte{0xff}, std::byte{0x0a}};
    frames["response-inline"] = {MessageType::prefetch_response, kReply, 12, 0, small};
    PrefetchResponse large{
        ShardId{0}, BlobOutcome::demand_loaded, "models/tiny.bin", {}, 10485760, 5400, {}, {}};
    frames["response-fd"] = {MessageType::prefetch_response, kReply, 11, 1, large};
    PrefetchResponse none{ShardId{7}, BlobOutcome::failed, "etc/app.toml", {}, {}, {}, {}, {}};
    none.reason = "digest does not match";
    none.data.emplace();
    frames["response-failed"] = {MessageType::prefetch_response, kEvent, 9, 0, none};
}

void add_errors(std::map<std::string, Frame>& frames) {
    ErrorReply refused{71, 24, "ResourceRequest.NewShard.cpu_weight: 0 is not within 1..10000"};
    frames["error-reply"] = {MessageType::shard_assignment, kReply | kError, 3, 0, refused};
    ErrorReply overdue{110, 0, "a frame was begun and not ended within 10 s"};
    frames["error-notice"] = {MessageType::shard_assignment, kError, 0, 0, overdue};
}

}  // namespace

std::map<std::string, Frame> golden_frames() {
    std::map<std::string, Frame> frames;
    add_requests(frames);
    add_assignments(frames);
    add_accesses(frames);
    add_prefetches(frames);
    add_errors(frames);
    return frames;
}

}  // namespace shardrun::proto
