#include "random_frame.h"

#include <algorithm>

#include "proto/limits.h"

namespace shardrun::proto {
namespace {

std::string text(Rng& rng, std::size_t min, std::size_t max) {
    // Mostly short; now and then as long as allowed.
    const std::size_t few = std::min<std::size_t>(max, min + 20);
    const std::size_t size = rng.chance(2) ? max : min + rng.below(few - min + 1);
    std::string result(size, ' ');
    for (char& c : result) c = static_cast<char>(1 + rng.below(255));
    return result;
}

std::uint64_t figure(Rng& rng) {
    return rng.next() >> rng.below(64);
}

template <class Make>
auto maybe(Rng& rng, Make make) {
    return rng.chance(50) ? std::optional(make()) : std::nullopt;
}

std::optional<std::uint64_t> maybe_u64(Rng& rng) {
    return maybe(rng, [&] { return figure(rng); });
}

template <class T>
std::optional<T> maybe_within(Rng& rng, std::uint64_t min, std::uint64_t max) {
    return maybe(rng, [&] { return static_cast<T>(min + rng.below(max - min + 1)); });
}

std::optional<std::string> maybe_text(Rng& rng, std::size_t min, std::size_t max) {
    return maybe(rng, [&] { return text(rng, min, max); });
}

std::vector<std::string> texts(Rng& rng, std::size_t count_min, std::size_t min, std::size_t max) {
    std::vector<std::string> result(count_min + rng.below(5));
    for (std::string& one : result) one = text(rng, min, max);
    return result;
}

std::optional<Digest> maybe_digest(Rng& rng) {
    return maybe(rng, [&] {
        Digest digest{};
        for (std::byte& byte : digest) byte = static_cast<std::byte>(rng.below(256));
        return digest;
    });
}

std::optional<std::uint64_t> maybe_rate(Rng& rng) {
    return maybe(rng, [&] { return figure(rng) | 1U; });
}

ShardLimits limits(Rng& rng) {
    ShardLimits made;
    made.cpu_max_millicores = maybe_within<std::uint32_t>(rng, 0, 0xffffffff);
    made.cpu_weight = maybe_within<std::uint32_t>(rng, kWeightMin, kWeightMax);
    made.cpuset_cpus = maybe_text(rng, 0, kCpusetLengthMax);
    made.memory_high_bytes = maybe_u64(rng);
    made.memory_max_bytes = maybe_u64(rng);
    made.memory_swap_max_bytes = maybe_u64(rng);
    made.pids_max = maybe_u64(rng);
    made.io_max.resize(rng.below(4));
    for (IoLimit& io : made.io_max)
        io = {static_cast<std::uint32_t>(rng.next()),
              static_cast<std::uint32_t>(rng.next()),
              maybe_rate(rng),
              maybe_rate(rng),
              maybe_rate(rng),
              maybe_rate(rng)};
    made.io_weight = maybe_within<std::uint32_t>(rng, kWeightMin, kWeightMax);
    made.tmpfs_size_max_bytes = maybe_u64(rng);
    made.files_max = maybe_u64(rng);
    return made;
}

ShardOptions options(Rng& rng) {
    ShardOptions made;
    made.limits = limits(rng);
    made.network = maybe_within<NetworkMode>(rng, 0, 3);
    made.seccomp_profile = maybe_text(rng, 1, kSeccompProfileLengthMax);
    made.hostname = maybe_text(rng, 1, kHostnameLengthMax);
    made.user_namespace = maybe_within<bool>(rng, 0, 1);
    made.capabilities = texts(rng, 0, 1, kCapabilityLengthMax);
    made.image = maybe_text(rng, 1, kImageLengthMax);
    return made;
}

ResourceRequest::Run run(Rng& rng) {
    ResourceRequest::Run made;
    made.shard = maybe_within<ShardId>(rng, 1, 1000);
    if (!made.shard) made.options = options(rng);
    made.program.argv = texts(rng, 1, 0, 3000);
    made.program.env = texts(rng, 0, 0, 3000);
    made.program.cwd = maybe_text(rng, 1, kPathLengthMax);
    made.program.terminal = maybe(rng, [&] {
        return WindowSize{static_cast<std::uint16_t>(rng.next()),
                          static_cast<std::uint16_t>(rng.next())};
    });
    made.program.wants_pidfd = rng.chance(50);
    return made;
}

ResourceRequest request(Rng& rng) {
    using R = ResourceRequest;
    const ShardId shard{1 + figure(rng) / 2};
    switch (rng.below(9)) {
        case 0:
            return {R::Session{text(rng, 1, kProfileLengthMax)}};
        case 1:
            return {R::NewShard{options(rng)}};
        case 2:
            return {run(rng)};
        case 3:
            return {R::Signal{shard, ProgramId{figure(rng)},
                              static_cast<std::uint32_t>(1 + rng.below(kSignalNumberMax))}};
        case 4:
            return {R::Release{maybe(rng, [&] { return shard; })}};
        case 5:
            return {R::Resize{shard, limits(rng)}};
        case 6:
            return {R::Subscribe{rng.chance(50), rng.chance(50)}};
        case 7:
            return {R::List{maybe(rng, [&] { return shard; })}};
        default:
            return {R::Blob{text(rng, 1, kBlobNameLengthMax)}};
    }
}

ProgramExit program_exit(Rng& rng) {
    ProgramExit exit;
    if (rng.chance(50)) exit.status = static_cast<std::uint8_t>(rng.below(256));
    if (exit.status == 0) exit.signal_number = static_cast<std::uint8_t>(rng.below(65));
    exit.out_of_memory = rng.chance(50);
    exit.user_cpu_us = figure(rng);
    exit.system_cpu_us = figure(rng);
    exit.memory_peak_bytes = figure(rng);
    return exit;
}

ShardAssignment assignment(Rng& rng) {
    ShardAssignment made;
    made.kind = static_cast<AssignmentKind>(1 + rng.below(14));
    made.shard = ShardId{figure(rng)};
    made.program = ProgramId{figure(rng)};
    made.state = maybe_within<ShardState>(rng, 1, 6);
    made.options = maybe(rng, [&] { return options(rng); });
    made.unenforced = maybe_within<std::uint32_t>(rng, 0, kControllerBits);
    made.shard_uid = maybe_within<std::uint32_t>(rng, 0, 0xfffffffe);
    made.owner_uid = maybe_within<std::uint32_t>(rng, 0, 0xfffffffe);
    made.profile = maybe_text(rng, 1, kProfileLengthMax);
    made.cgroup = maybe_text(rng, 0, kPathLengthMax);
    made.init_pid = maybe_within<std::uint32_t>(rng, 0, 0x7fffffff);
    made.programs = texts(rng, 0, 0, kProgramRowLengthMax);
    made.exit = maybe(rng, [&] { return program_exit(rng); });
    made.reason = maybe_text(rng, 0, kSentenceLengthMax);
    made.created_us_ago = maybe_u64(rng);
    made.prepare_us = maybe_u64(rng);
    made.warm = maybe_within<bool>(rng, 0, 1);
    made.fds.resize(rng.below(kFdCountMax + 1U));
    for (FdRole& role : made.fds) role = static_cast<FdRole>(1 + rng.below(3));
    return made;
}

std::optional<Pressure> maybe_pressure(Rng& rng) {
    return maybe(rng, [&] {
        return Pressure{static_cast<std::uint16_t>(rng.below(kShareMax + 1U)),
                        static_cast<std::uint16_t>(rng.below(kShareMax + 1U))};
    });
}

ShardStatus status(Rng& rng) {
    ShardStatus made;
    made.shard = ShardId{figure(rng)};
    made.reported_load = maybe_within<std::uint16_t>(rng, 0, kShareMax);
    made.reported_queue = maybe_within<std::uint32_t>(rng, 0, 0xffffffff);
    for (auto* field :
         {&made.cpu_usage_us, &made.cpu_throttled_us, &made.cpu_throttled_periods,
          &made.memory_current_bytes, &made.memory_peak_bytes, &made.memory_swap_bytes,
          &made.oom_kills, &made.pids_current, &made.pids_refused, &made.io_read_bytes,
          &made.io_write_bytes, &made.network_received_bytes, &made.network_sent_bytes,
          &made.tmpfs_used_bytes})
        *field = maybe_u64(rng);
    made.cpu_pressure = maybe_pressure(rng);
    made.memory_pressure = maybe_pressure(rng);
    made.io_pressure = maybe_pressure(rng);
    made.limits = maybe(rng, [&] { return limits(rng); });
    return made;
}

PrefetchRequest prefetch_request(Rng& rng) {
    return {ShardId{figure(rng)},
            static_cast<BlobKind>(1 + rng.below(3)),
            text(rng, 1, kBlobNameLengthMax),
            maybe_digest(rng),
            maybe_within<std::uint16_t>(rng, 0, kShareMax),
            maybe_within<std::uint32_t>(rng, 0, 0xffffffff),
            maybe_text(rng, 0, kSentenceLengthMax)};
}

PrefetchResponse prefetch_response(Rng& rng) {
    PrefetchResponse made;
    made.shard = ShardId{figure(rng)};
    made.outcome = static_cast<BlobOutcome>(1 + rng.below(4));
    made.name = text(rng, 1, kBlobNameLengthMax);
    made.digest = maybe_digest(rng);
    made.size_bytes = maybe_u64(rng);
    made.elapsed_us = maybe_u64(rng);
    made.reason = maybe_text(rng, 0, kSentenceLengthMax);
    made.data = maybe(rng, [&] {
        return std::vector<std::byte>(rng.below(rng.chance(5) ? kInlineDataLengthMax + 1 : 40));
    });
    return made;
}

Message message(Rng& rng, MessageType type) {
    switch (type) {
        case MessageType::resource_request:
            return request(rng);
        case MessageType::shard_assignment:
            return assignment(rng);
        case MessageType::resource_access:
            return ResourceAccess{ShardId{1 + rng.below(1000)},
                                  static_cast<BlobKind>(1 + rng.below(3)),
                                  text(rng, 1, kBlobNameLengthMax)};
        case MessageType::shard_status:
            return status(rng);
        case MessageType::prefetch_request:
            return prefetch_request(rng);
        case MessageType::prefetch_response:
            break;
    }
    return prefetch_response(rng);
}

bool is_server_type(MessageType type) {
    return type == MessageType::shard_assignment || type == MessageType::prefetch_response;
}

std::uint8_t flags(Rng& rng, MessageType type) {
    constexpr std::uint8_t kReply = 1;
    constexpr std::uint8_t kMore = 4;
    constexpr std::uint8_t kEvent = 8;
    const auto more = rng.chance(30) ? kMore : std::uint8_t{0};
    const bool may_reply = is_server_type(type) || type == MessageType::shard_status;
    if (may_reply && rng.chance(50)) return kReply | more;
    if (is_server_type(type)) return kEvent | more;
    return 0;
}

std::uint8_t fd_count(Rng& rng, const Message& message) {
    if (const auto* made = std::get_if<ShardAssignment>(&message))
        return static_cast<std::uint8_t>(made->fds.size());
    if (const auto* made = std::get_if<PrefetchResponse>(&message))
        return static_cast<std::uint8_t>(made->data ? 0 : rng.below(2));
    if (const auto* made = std::get_if<ResourceRequest>(&message))
        if (const auto* run = std::get_if<ResourceRequest::Run>(&made->what))
            return static_cast<std::uint8_t>(run->program.terminal ? 0 : rng.below(4));
    return 0;
}

}  // namespace

Frame random_frame(Rng& rng) {
    const auto type = static_cast<MessageType>(1 + rng.below(6));
    if (rng.chance(10)) {
        ErrorReply error{static_cast<std::uint32_t>(1 + rng.below(kErrorCodeMax)),
                         static_cast<std::uint32_t>(rng.next()), text(rng, 0, kSentenceLengthMax)};
        return {type, 3, rng.below(3), 0, std::move(error)};
    }
    Message made = message(rng, type);
    const std::uint8_t made_flags = flags(rng, type);
    const std::uint8_t made_fds = fd_count(rng, made);
    return {type, made_flags, 1 + figure(rng) / 2, made_fds, std::move(made)};
}

}  // namespace shardrun::proto
