#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "shard/backend_events.h"
#include "shard/spec.h"
#include "shard/zygote/protocol.h"
#include "sys/cgroup_dir.h"
#include "sys/event_loop.h"
#include "sys/fd_table.h"
#include "sys/unique_fd.h"

namespace shardrun::shard {

/// What a shard reaches outside itself.
struct ShardContext {
    sys::EventLoop& loop;
    sys::FdTable& fds;
    BackendListener& listener;
};

/// One shard from its birth order to its init's end: its sockets, its runners, what they tell. Its
/// cgroup is removed by the backend, which destroys the object afterwards.
class RunningShard {
 public:
    enum class State { awaiting_birth, setting_up, ready, ended };

    RunningShard(ShardContext context, ShardSpec spec, sys::CgroupDir cgroup,
                 std::string cgroup_path, std::uint32_t unenforced, MonoTime asked);
    RunningShard(const RunningShard&) = delete;
    RunningShard& operator=(const RunningShard&) = delete;
    ~RunningShard();

    /// Our ends of the control socket and of the first runner's launch socket.
    Result<void> connect(sys::UniqueFd control, sys::UniqueFd first_launch);

    /// The zygote's word: init lives. `on_end` is called once, when it and all in its pid namespace
    /// are dead.
    Result<void> on_born(pid_t pid, sys::UniqueFd pidfd, std::function<void()> on_end);

    /// Runs a program on a parked runner, or has init park one for it. Takes `program.stdio` from
    /// the table.
    Result<void> run(const ProgramSpec& program);
    void signal(ProgramId program, int signal_number);
    Result<void> apply_limits(const ShardLimits& limits, std::uint32_t missing_controllers);
    ShardStatus status() const;
    /// The folder that its programs see as /blobs. Errors: EAGAIN before it is ready.
    Result<sys::UniqueFd> open_blobs() const;

    /// Kills all that runs in it; nothing more is told of it.
    void kill();

    /// Init ended: tells what became of the programs, and of the shard unless it was killed by us.
    void conclude();

    State state() const { return state_; }
    bool is_killed() const { return is_killed_; }
    const ShardSpec& spec() const { return spec_; }
    const sys::CgroupDir& cgroup() const { return cgroup_; }

 private:
    struct Runner {
        sys::UniqueFd launch;              ///< empty once it executed
        std::int32_t pid = 0;              ///< in the shard; 0: not yet told
        std::optional<ProgramId> program;  ///< none: parked
        bool wants_pidfd = false;
        bool has_executed = false;
        bool is_reported = false;  ///< on_started was called
        std::optional<sys::UniqueFd> terminal;
    };
    using RunnerPtr = std::unique_ptr<Runner>;

    Result<Runner*> park_another();
    Result<Runner*> add_runner(sys::UniqueFd launch);
    Runner* find(std::int32_t pid);
    void remove(const Runner* runner);

    void on_control();
    bool take_message();
    void on_init_message(const zygote::InitMessage& message, std::vector<sys::UniqueFd> fds);
    void on_ready(const zygote::InitMessage& message, std::vector<sys::UniqueFd> fds);
    void on_spare(const zygote::InitMessage& message);
    void on_program_change(const zygote::InitMessage& message);
    void on_program_end(Runner& runner, const zygote::InitMessage& message);
    void on_launch(Runner& runner);
    void on_executed(Runner& runner);
    void report_start(Runner& runner);
    void report_failure(Runner& runner, const Error& error);
    void abandon(Runner& runner);
    bool was_out_of_memory();

    ShardContext context_;
    ShardSpec spec_;
    sys::CgroupDir cgroup_;
    std::string cgroup_path_;
    std::uint32_t unenforced_ = 0;
    MonoTime asked_;
    State state_ = State::awaiting_birth;
    bool is_killed_ = false;
    bool has_failed_ = false;  ///< on_failed was called
    std::uint64_t oom_kills_seen_ = 0;
    pid_t init_pid_ = 0;
    sys::UniqueFd control_;
    sys::UniqueFd pidfd_;
    sys::UniqueFd tmpfs_;
    std::vector<RunnerPtr> runners_;  ///< in the order their pids will be told
};

}  // namespace shardrun::shard
