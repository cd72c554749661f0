#include "shard/linux_backend.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "shard/failure_text.h"
#include "shard/limits_text.h"
#include "shard/skeleton_plan.h"
#include "sys/seqpacket.h"

namespace shardrun::shard {
namespace {

// Enough inodes for one file per four KiB, as tmpfs would allow by itself for memory of that size.
constexpr std::uint64_t kBytesPerInode = 4096;
constexpr std::uint64_t kInodesMin = 1024;
constexpr unsigned kReclaimReportEvery = 8;

zygote::LaunchOrder order_for(const ShardSpec& spec, const FilterSet::Loaded& filter,
                              bool is_single) {
    zygote::LaunchOrder order;
    order.sequence = std::to_underlying(spec.id);
    order.uid = spec.uid;
    order.capabilities = spec.capabilities;
    order.filter_id = filter.id;
    order.tmpfs_size_bytes = spec.limits.tmpfs_size_max_bytes.value_or(0);
    order.tmpfs_inodes = std::max(order.tmpfs_size_bytes / kBytesPerInode, kInodesMin);
    if (spec.network != NetworkMode::host) order.flags |= zygote::kLaunchNewNetwork;
    if (is_single) order.flags |= zygote::kLaunchOneProgram;
    if (!spec.image.empty()) order.flags |= zygote::kLaunchImage;
    if (spec.user_namespace) order.flags |= zygote::kLaunchUserNamespace;
    if (filter.allows_launch) order.flags |= zygote::kLaunchFilterEarly;
    const std::size_t size = std::min(spec.hostname.size(), zygote::kHostnameSizeMax);
    std::memcpy(static_cast<char*>(order.hostname), spec.hostname.data(), size);
    return order;
}

Error no_store(const std::string& name) {
    return {ENOENT, fmt::format("blob '{}' is not there, as no store is configured", name)};
}

TreeUser user_of(const ShardSpec& spec) {
    return {spec.slice, spec.id};
}

/// Where one shard is all there will be, nobody waits longer for its network than for the rest.
Result<ZygoteProcess> start_zygote(const BackendOptions& options) {
    using Haste = ZygoteProcess::Haste;
    SR_TRY(ZygoteProcess process,
           ZygoteProcess::start(options.is_single ? Haste::great : Haste::none));
    if (options.is_single) SR_DO(process.make_network_ahead());
    return process;
}

/// Programs may be given as many descriptors as the supervisor itself could have.
void raise_file_limit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE,
                      &files);  // The old limit serves as well, only for fewer clients.
}

}  // namespace

Result<void> LinuxBackend::check_rights() {
    if (::geteuid() == 0) return {};
    return refuse(EPERM,
                  "building shards needs root: use sudo, or ask a running supervisor through its "
                  "socket");
}

Result<std::unique_ptr<LinuxBackend>> LinuxBackend::create(const BackendOptions& options,
                                                           sys::EventLoop& loop, sys::FdTable& fds,
                                                           BackendListener& listener) {
    SR_DO(check_rights());
    // First of all, so that it prepares the root while this process prepares the cgroups.
    SR_TRY(ZygoteProcess zygote, start_zygote(options));
    SR_TRY(std::vector<std::byte> plan, plan_skeleton(options.read_only_paths, look_up_host));
    SR_DO(zygote.send_plan(plan));
    SR_TRY(CgroupTree tree, CgroupTree::create(options.cgroup_root));
    if (tree.missing() != 0 && !options.best_effort) {
        const std::string names = controller_names(tree.missing());
        tree.remove_instance();
        return refuse(
            EOPNOTSUPP,
            "cgroup v2 has no {} controller here: boot with 'cgroup_no_v1=all' to free what cgroup "
            "v1 holds, "
            "or go on without those limits by cgroup.controllers = \"best-effort\" (--best-effort)",
            names);
    }
    raise_file_limit();
    auto backend = std::make_unique<Backend>(options, ShardContext{loop, fds, listener},
                                             std::move(tree), std::move(plan));
    SR_DO(backend->use(std::move(zygote)));
    return backend;
}

Backend::Backend(BackendOptions options, ShardContext context, CgroupTree tree,
                 std::vector<std::byte> plan)
    : options_(std::move(options)),
      context_(context),
      tree_(std::move(tree)),
      plan_(std::move(plan)) {
    filters_.set_profiles(options_.seccomp_profiles);
    if (options_.trees != nullptr) options_.trees->set_listener(this);
}

Backend::~Backend() {
    if (post_timer_) context_.loop.cancel_timer(*post_timer_);
    for (const auto& [shard, timer] : retries_) context_.loop.cancel_timer(timer);
    if (zygote_) context_.loop.forget(zygote_->fd());
    if (options_.trees != nullptr) options_.trees->set_listener(nullptr);
    shards_.clear();
    zygote_.reset();
    retired_.reset();
    tree_.remove_instance();
}

Result<void> Backend::use(ZygoteProcess process) {
    zygote_.emplace(std::move(process));
    filters_.forget_loaded();
    return context_.loop.watch(zygote_->fd(), EPOLLIN, [this](std::uint32_t) { on_zygote(); });
}

void Backend::set_seccomp_profiles(const std::map<std::string, std::string>& profiles) {
    filters_.set_profiles(profiles);
}

RunningShard* Backend::find(ShardId shard) {
    const auto at = shards_.find(shard);
    return at == shards_.end() ? nullptr : at->second.get();
}

/// Outcomes never come from inside a call: they wait for the loop's next round.
void Backend::post(std::function<void()> callback) {
    posted_.push_back(std::move(callback));
    if (post_timer_) return;
    post_timer_ = context_.loop.set_timer(context_.loop.now(), [this] {
        post_timer_.reset();
        for (const auto& posted : std::exchange(posted_, {})) posted();
    });
}

void Backend::prepare_shard(const ShardSpec& spec) {
    if (const auto begun = begin(spec); begun) {
        if (!spec.image.empty()) return open_image(spec);
        return bear(*shards_.at(spec.id), {});
    } else {
        (void)tree_.remove_shard(spec.slice, spec.id);  // It may never have been made.
        post([this, id = spec.id, error = begun.error()] {
            context_.listener.on_failed(id, error);
        });
    }
}

Result<void> Backend::begin(const ShardSpec& spec) {
    SR_DO(find_zygote());
    // What takes longest goes first. Should the rest fail, the next shard finds it made.
    if (spec.network != NetworkMode::host) SR_DO(zygote_->make_network_ahead());
    SR_TRY(sys::CgroupDir cgroup, tree_.make_shard(spec.slice, spec.id));
    SR_DO(write_limits(cgroup, spec.limits));
    const std::string path = tree_.path_of(cgroup);
    auto shard = std::make_unique<RunningShard>(context_, spec, std::move(cgroup), path,
                                                tree_.missing(), context_.loop.now());
    shards_.emplace(spec.id, std::move(shard));
    return {};
}

Result<void> Backend::find_zygote() {
    if (zygote_) return {};
    SR_TRY(ZygoteProcess process, start_zygote(options_));
    SR_DO(process.send_plan(plan_));
    return use(std::move(process));
}

void Backend::open_image(const ShardSpec& spec) {
    without_tree_.insert(spec.id);
    if (options_.trees == nullptr)
        return on_tree(spec.id, refuse(ENOENT, "there is no image '{}', as no store is configured",
                                       spec.image));
    options_.trees->open_tree(
        spec.image, user_of(spec),
        [this, id = spec.id](Result<TreeRoot> root) { on_tree(id, std::move(root)); });
}

/// A large tree takes its time; the shard may be gone by then.
void Backend::on_tree(ShardId id, Result<TreeRoot> root) {
    if (without_tree_.erase(id) == 0) return;
    RunningShard& shard = *shards_.at(id);
    if (root) return bear(shard, *root);
    fail_unborn(shard, root.error());
}

void Backend::bear(RunningShard& shard, const TreeRoot& root) {
    const auto ordered = order_birth(shard, root);
    if (!ordered) return fail_unborn(shard, ordered.error());
    run_early();
}

/// Those that still have to wait do.
void Backend::run_early() {
    for (const auto& [shard, program] : std::exchange(early_, {})) run_program(shard, program);
}

/// Whoever waits for the other ends of their descriptors hears of it.
void Backend::drop_early(ShardId shard) {
    for (const auto& [whose, program] : early_)
        for (const FdToken token : program.stdio)
            if (whose == shard) context_.fds.discard(token);
    std::erase_if(early_, [shard](const auto& early) { return early.first == shard; });
}

/// It stays to be destroyed, like any other.
void Backend::fail_unborn(RunningShard& shard, Error why) {
    drop_early(shard.spec().id);
    shard.kill();
    shard.conclude();
    post([this, id = shard.spec().id, error = std::move(why)] {
        context_.listener.on_failed(id, error);
    });
}

Result<void> Backend::order_birth(RunningShard& shard, const TreeRoot& root) {
    SR_DO(find_zygote());
    SR_ASSERT(zygote_.has_value());
    const ShardSpec& spec = shard.spec();
    SR_TRY(const FilterSet::Loaded filter,
           filters_.load(spec.seccomp_profile, spec.capabilities, *zygote_));
    SR_TRY(sys::PacketPair control, sys::make_packet_pair());
    SR_TRY(sys::PacketPair launch, sys::make_packet_pair());
    SR_DO(shard.connect(std::move(control.own), std::move(launch.own)));
    std::vector<int> fds{shard.cgroup().fd(), control.peer.get(), launch.peer.get()};
    if (root.mount) fds.push_back(root.mount.get());
    if (root.hold) fds.push_back(root.hold.get());
    zygote::LaunchOrder order = order_for(spec, filter, options_.is_single);
    if (root.hold) order.flags |= zygote::kLaunchHold;
    return zygote_->launch(order, fds);
}

Result<void> Backend::write_limits(const sys::CgroupDir& cgroup, const ShardLimits& limits) const {
    const std::uint32_t missing = tree_.missing();
    for (const AttributeWrite& write : plan_limit_writes({}, limits)) {
        if ((missing & std::to_underlying(write.controller)) != 0) continue;
        SR_DO(cgroup.write(write.attribute, write.value));
    }
    // One process out of memory is a broken shard: it ends as a whole, and its client is told.
    if ((missing & std::to_underlying(Controller::memory)) == 0)
        SR_DO(cgroup.write("memory.oom.group", "1"));
    return {};
}

void Backend::run_program(ShardId shard, const ProgramSpec& program) {
    RunningShard* running = find(shard);
    const bool is_unborn =
        running != nullptr && running->state() == RunningShard::State::awaiting_birth;
    if (is_unborn && (!tree_.has_device_filter() || without_tree_.contains(shard))) {
        early_.emplace_back(shard, program);
        return;
    }
    Result<void> done = running != nullptr
                            ? running->run(program)
                            : fail(ESRCH, "run '{}' in a shard that is gone", program.argv[0]);
    for (const FdToken token : program.stdio)
        context_.fds.discard(token);  // Those that run() did not take.
    if (done) return;
    post([this, shard, id = program.id, error = done.error()] {
        context_.listener.on_program_failed(shard, id, error);
    });
}

void Backend::signal_program(ShardId shard, ProgramId program, int signal_number) {
    if (RunningShard* running = find(shard)) running->signal(program, signal_number);
}

void Backend::apply_limits(ShardId shard, const ShardLimits& limits) {
    RunningShard* running = find(shard);
    const Result<void> done = running != nullptr ? running->apply_limits(limits, tree_.missing())
                                                 : fail(ESRCH, "resize a shard that is gone");
    const std::optional<Error> error = done ? std::optional<Error>{} : done.error();
    post([this, shard, error] { context_.listener.on_limits_applied(shard, error); });
}

void Backend::measure_status(ShardId shard, std::uint64_t request) {
    const RunningShard* running = find(shard);
    Result<ShardStatus> status = running != nullptr ? Result<ShardStatus>(running->status())
                                                    : fail(ESRCH, "measure a shard that is gone");
    post([this, shard, request, status] { context_.listener.on_status(shard, request, status); });
}

void Backend::fail_blob(std::uint64_t request, const std::string& name, Error why) {
    BlobReport report;
    report.name = name;
    report.error = std::move(why);
    on_tree_blob(request, std::move(report), {});
}

void Backend::on_tree_blob(std::uint64_t request, BlobReport report, sys::UniqueFd blob) {
    if (blob) report.fd = context_.fds.insert(std::move(blob));
    post([this, request, told = std::move(report)] { context_.listener.on_blob(request, told); });
}

void Backend::on_tree_used(const TreeUser& user, const BlobReport& report) {
    context_.listener.on_file_used(user.slice, user.shard, report);
}

void Backend::prefetch_file(ShardId shard, std::uint64_t request, const std::string& name) {
    const RunningShard* running = find(shard);
    if (running == nullptr || running->spec().image.empty() || options_.trees == nullptr)
        return fail_blob(request, name,
                         {ENOENT, fmt::format("prefetch '{}': the shard has no image", name)});
    options_.trees->prefetch(user_of(running->spec()), request, name);
}

void Backend::load_blob(ShardId shard, std::uint64_t request, const std::string& name) {
    const RunningShard* running = find(shard);
    if (options_.trees == nullptr || running == nullptr)
        return fail_blob(request, name, no_store(name));
    auto folder = running->open_blobs();
    if (!folder) return fail_blob(request, name, folder.error());
    options_.trees->load_blob(request, name, *std::move(folder));
}

void Backend::open_blob(std::uint64_t request, const std::string& name) {
    if (options_.trees == nullptr) return fail_blob(request, name, no_store(name));
    options_.trees->open_blob(request, name);
}

void Backend::destroy_shard(ShardId shard) {
    RunningShard* running = find(shard);
    if (running == nullptr) return post([this, shard] { context_.listener.on_reclaimed(shard); });
    const bool has_ended = running->state() == RunningShard::State::ended;
    running->kill();
    // One that the zygote is just about to bear is killed when it is there; see on_outcome.
    const bool is_unordered = without_tree_.erase(shard) != 0;
    if (is_unordered) running->conclude();
    drop_early(shard);
    if (has_ended || is_unordered) post([this, shard] { reclaim(shard, 0); });
}

void Backend::remove_slice(SliceId slice) {
    if (options_.trees != nullptr) options_.trees->release_slice(slice);
    tree_.remove_slice(slice);
}

void Backend::on_zygote() {
    while (zygote_) {
        auto next = zygote_->next_outcome();
        if (!next) return on_zygote_lost();
        std::optional<ZygoteProcess::Outcome> outcome = *std::move(next);
        if (!outcome) return;
        on_outcome(*std::move(outcome));
    }
}

void Backend::on_zygote_lost() {
    log(LogLevel::error, "the zygote ended unexpectedly; it is started again for the next shard");
    drop_zygote({zygote::Step::clone_init, ECHILD, {}});
}

/// Without a root it bears nothing. The next one may find mended what this one missed.
void Backend::on_root_failed(const zygote::Failure& failure) {
    log(LogLevel::error, "prepare the shards' root: {}", describe_failure(failure).message);
    drop_zygote(failure);
}

/// Out of service; its word is no longer heard.
std::optional<ZygoteProcess> Backend::take_zygote() {
    if (zygote_) context_.loop.forget(zygote_->fd());
    return std::exchange(zygote_, std::nullopt);
}

/// Living shards do not need it; those it was to bear fail, and the next one finds a new zygote.
void Backend::drop_zygote(const zygote::Failure& failure) {
    (void)take_zygote();  // The process ends with it.
    std::vector<ShardId> unborn;
    for (const auto& [id, shard] : shards_)
        if (shard->state() == RunningShard::State::awaiting_birth && !without_tree_.contains(id))
            unborn.push_back(id);
    for (const ShardId id : unborn) {
        ZygoteProcess::Outcome lost;
        lost.sequence = std::to_underlying(id);
        lost.failure = failure;
        on_outcome(std::move(lost));
    }
}

void Backend::on_outcome(ZygoteProcess::Outcome outcome) {
    const bool is_plan = outcome.sequence == 0;
    if (is_plan && outcome.failure.step != zygote::Step::none)
        return on_root_failed(outcome.failure);
    if (is_plan) return;
    const ShardId id{outcome.sequence};
    on_birth(id, std::move(outcome));
    // While the first shard is set up, when we have nothing else to do; no program runs without it.
    tree_.restrict_devices();
    run_early();
}

void Backend::on_birth(ShardId id, ZygoteProcess::Outcome outcome) {
    RunningShard* shard = find(id);
    if (shard == nullptr) return;
    if (!outcome.pidfd) {
        const bool was_killed = shard->is_killed();
        shard->kill();
        shard->conclude();
        if (was_killed) return reclaim(id, 0);
        return context_.listener.on_failed(id, describe_failure(outcome.failure));
    }
    const Result<void> watched =
        shard->on_born(outcome.pid, std::move(outcome.pidfd), [this, id] { on_init_end(id); });
    if (shard->is_killed() || !watched) shard->kill();  // Again: it was not there the first time.
    if (!watched) context_.listener.on_failed(id, watched.error());
    if (options_.is_single) retire_zygote();
}

/// Its end, with its mount namespace's, goes on beside the program's run.
void Backend::retire_zygote() {
    retired_ = take_zygote();
    if (retired_) retired_->dismiss();
}

void Backend::on_init_end(ShardId id) {
    RunningShard* shard = find(id);
    if (shard == nullptr) return;
    shard->conclude();
    if (shard->is_killed()) reclaim(id, 0);
}

/// Init is dead and its pid namespace with it; the cgroup may need a moment more to become empty.
void Backend::reclaim(ShardId id, unsigned attempt) {
    const auto at = shards_.find(id);
    if (at == shards_.end()) return;
    retries_.erase(id);
    const TreeUser user = user_of(at->second->spec());
    const Result<void> removed = tree_.remove_shard(user.slice, id);
    if (removed) {
        if (options_.trees != nullptr) options_.trees->release_shard(user);
        shards_.erase(at);
        return context_.listener.on_reclaimed(id);
    }
    if (attempt % kReclaimReportEvery == kReclaimReportEvery - 1)
        context_.listener.on_reclaim_failed(id, removed.error());
    at->second->kill();
    const std::chrono::milliseconds wait(1U << std::min(attempt, 10U));
    retries_[id] = context_.loop.set_timer(context_.loop.now() + wait,
                                           [this, id, attempt] { reclaim(id, attempt + 1); });
}

}  // namespace shardrun::shard
