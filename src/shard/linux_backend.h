#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "shard/backend.h"
#include "shard/cgroup_tree.h"
#include "shard/filter_set.h"
#include "shard/running_shard.h"
#include "shard/zygote_process.h"

namespace shardrun::shard {

/// LinuxBackend as it is. See backend.h.
class Backend final : public LinuxBackend, private TreeListener {
 public:
    Backend(BackendOptions options, ShardContext context, CgroupTree tree,
            std::vector<std::byte> plan);
    ~Backend() override;
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    /// Takes a zygote into service.
    Result<void> use(ZygoteProcess process);

    void prepare_shard(const ShardSpec& spec) override;
    void run_program(ShardId shard, const ProgramSpec& program) override;
    void signal_program(ShardId shard, ProgramId program, int signal_number) override;
    void apply_limits(ShardId shard, const ShardLimits& limits) override;
    void destroy_shard(ShardId shard) override;
    void remove_slice(SliceId slice) override;
    void measure_status(ShardId shard, std::uint64_t request) override;
    void prefetch_file(ShardId shard, std::uint64_t request, const std::string& name) override;
    void load_blob(ShardId shard, std::uint64_t request, const std::string& name) override;
    void open_blob(std::uint64_t request, const std::string& name) override;

    std::uint32_t unenforced() const override { return tree_.missing(); }
    void set_seccomp_profiles(const std::map<std::string, std::string>& profiles) override;

 private:
    Result<void> begin(const ShardSpec& spec);
    Result<void> find_zygote();
    void open_image(const ShardSpec& spec);
    void on_tree(ShardId shard, Result<TreeRoot> root);
    void bear(RunningShard& shard, const TreeRoot& root);
    Result<void> order_birth(RunningShard& shard, const TreeRoot& root);
    void fail_unborn(RunningShard& shard, Error why);
    void run_early();
    void drop_early(ShardId shard);
    void on_tree_blob(std::uint64_t request, BlobReport report, sys::UniqueFd blob) override;
    void on_tree_used(const TreeUser& user, const BlobReport& report) override;
    void fail_blob(std::uint64_t request, const std::string& name, Error why);
    Result<void> write_limits(const sys::CgroupDir& cgroup, const ShardLimits& limits) const;
    RunningShard* find(ShardId shard);

    void on_zygote();
    void on_zygote_lost();
    void on_root_failed(const zygote::Failure& failure);
    void drop_zygote(const zygote::Failure& failure);
    std::optional<ZygoteProcess> take_zygote();
    void retire_zygote();
    void on_outcome(ZygoteProcess::Outcome outcome);
    void on_birth(ShardId shard, ZygoteProcess::Outcome outcome);
    void on_init_end(ShardId shard);
    void reclaim(ShardId shard, unsigned attempt);
    void post(std::function<void()> callback);

    BackendOptions options_;
    ShardContext context_;
    CgroupTree tree_;
    std::vector<std::byte> plan_;
    FilterSet filters_;
    std::optional<ZygoteProcess> zygote_;
    std::optional<ZygoteProcess> retired_;  ///< exits by itself; waited for at the end
    std::map<ShardId, std::unique_ptr<RunningShard>> shards_;
    std::set<ShardId> without_tree_;                      ///< whose birth is not ordered yet
    std::vector<std::pair<ShardId, ProgramSpec>> early_;  ///< wait for a tree or the device filter
    std::vector<std::function<void()>> posted_;
    std::optional<sys::TimerId> post_timer_;
    std::map<ShardId, sys::TimerId> retries_;
};

}  // namespace shardrun::shard
