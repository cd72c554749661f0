#pragma once

#include <doctest/doctest.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "shardrun/client.h"

namespace shardrun::test {

/// The value of a Result that must be one; else the test case ends with its sentence.
template <class T>
T must(Result<T> result) {
    if (!result) FAIL(result.error().message);
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// Whether the supervisor refuses to start without controllers. Tests of limits want `require`.
enum class Controllers { require, best_effort };

/// `shardrun serve` of this build, with a socket, a cgroup and a configuration of its own. Ends it
/// when it goes out of scope, and checks that it ended well and left no cgroup.
class Testbed {
 public:
    /// `settings`: further keys of [shard], then further tables of shardrun.toml; [socket],
    /// [cgroup] and shard.read_only_paths are given: /usr, the test programs and `visible_paths`.
    explicit Testbed(Controllers controllers, const std::string& settings = "",
                     const std::vector<std::string>& visible_paths = {});
    ~Testbed();
    Testbed(const Testbed&) = delete;
    Testbed& operator=(const Testbed&) = delete;

    Client connect() const;
    /// The path of tests/privileged/programs/hog.cc's program inside every shard.
    std::string hog() const { return program("hog"); }
    /// The same of another one of tests/privileged/programs.
    std::string program(const std::string& name) const { return folder_ + "/programs/" + name; }
    pid_t pid() const { return pid_; }
    /// The cgroup that holds everything, as an absolute path.
    const std::string& cgroup() const { return cgroup_; }
    /// The name of that cgroup, which no other Testbed shares.
    const std::string& mark() const { return mark_; }

    /// Starts it (the constructor has done so once) and waits until it says that it is ready.
    void start();
    /// SIGTERM; its wait status.
    int stop();
    /// SIGKILL, as a crash would end it.
    void kill();

 private:
    std::string folder_;
    std::string mark_;
    std::string cgroup_;
    pid_t pid_ = -1;
};

/// How a program in a shard ended: by itself, or because its shard died.
struct End {
    std::optional<ProgramExit> exit;
    std::string reason;  ///< of the shard's failure, or of a program that could not be run
};

/// A program in a shard. Its standard output and error are one pipe.
class Program {
 public:
    /// Starts it and waits until it runs. Input is `input`, or /dev/null.
    Program(Client& client, const ResourceRequest::Run& run, int input = -1);

    ShardId shard() const { return shard_; }
    ProgramId id() const { return id_; }
    /// Waits for one line; without its newline. Empty at the end of the output.
    std::string read_line();
    /// Waits for the end of the output.
    std::string read_all();
    /// Waits for the program's end.
    End wait();

 private:
    Client& client_;
    UniqueFd output_;
    std::uint64_t correlation_ = 0;
    ShardId shard_{};
    ProgramId id_{};
};

/// A run in a new shard of a program from PATH.
ResourceRequest::Run in_new_shard(std::vector<std::string> argv, const ShardLimits& limits = {});
/// A run in a shard that is there.
ResourceRequest::Run in_shard(ShardId shard, std::vector<std::string> argv);

/// Runs it in a new shard to its end and returns what it printed; the test case ends if it failed.
std::string output_of(Client& client, const ResourceRequest::Run& run);
/// What a listing says of a shard.
ShardAssignment listed(Client& client, ShardId shard);
/// What the supervisor measures of a shard's use.
ShardStatus measured(Client& client, ShardId shard);
/// A file of the shard's cgroup, without the last newline.
std::string cgroup_file(Client& client, ShardId shard, const std::string& name);
/// The number after `key` in a file like cpu.stat.
std::uint64_t cgroup_value(Client& client, ShardId shard, const std::string& file,
                           const std::string& key);
/// Cores that the shard used on average over `span` of time, which passes meanwhile.
double cores_used(Client& client, ShardId shard, std::chrono::milliseconds span);

}  // namespace shardrun::test
