#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gate/gate.h"
#include "sys/unique_fd.h"

namespace shardrun::test {

/// How an owner fills one file.
struct FillPlan {
    std::vector<std::byte> bytes;  ///< empty: pattern() of the entry's size
    gate::FillVerdict verdict = gate::FillVerdict::complete;
    int code = 0;
    bool is_held = false;           ///< until release()
    bool writes_partially = false;  ///< half of the bytes, before it fails
};

/// No byte of it is zero, and no two places look alike.
std::vector<std::byte> pattern(std::uint32_t file, std::size_t size);

/// Where a tree is attached before Linux 6.15, for its clones; to outlive every owner.
class Anchor {
 public:
    Anchor();
    Anchor(const Anchor&) = delete;
    Anchor& operator=(const Anchor&) = delete;
    ~Anchor();
    const std::string& path() const { return path_; }

 private:
    std::string path_;
};

/// A gate whose owner is a process of its own, as nobody may open a tree's files who also answers
/// for them. This process is the keeper: it can kill the owner and start another one.
class GateBed {
 public:
    struct Plan {
        std::vector<gate::Entry> entries;
        std::map<std::uint32_t, FillPlan> fills;
        gate::TreeConfig tree{std::uint64_t{1} << 30U, ""};
        gate::GateConfig gate;
        rlim_t files_max = 0;  ///< of the owner; 0: as it is
    };
    explicit GateBed(Plan plan);
    GateBed(const GateBed&) = delete;
    GateBed& operator=(const GateBed&) = delete;
    ~GateBed();

    /// A read-only clone, as a shard gets it; a directory descriptor.
    int root() const { return clone_.get(); }
    /// A further one.
    sys::UniqueFd clone() const;
    pid_t owner() const { return pid_; }
    /// The owner's own, ungated one, as the keeper has it.
    int own_mount() const { return handles_.mount.get(); }

    void prefetch(std::uint32_t file) { (void)ask('p', file); }
    /// 0 or an errno value.
    int evict(std::uint32_t file) { return static_cast<int>(ask('e', file)); }
    gate::FileState state(std::uint32_t file) {
        return static_cast<gate::FileState>(ask('s', file));
    }
    void release(std::uint32_t file) { (void)ask('r', file); }
    /// Returns when so many opens wait.
    void await_waiting(std::uint32_t count) { (void)ask('w', count); }
    /// Returns when the file is filled.
    void await_filled(std::uint32_t file) { (void)ask('f', file); }
    std::uint64_t waiting_count() { return ask('c', 0); }
    std::uint64_t fills_started() { return ask('n', 0); }
    /// How often first opens found a file so.
    std::uint64_t found(gate::Found how) { return ask('h', static_cast<std::uint32_t>(how)); }
    std::uint64_t open_descriptors() { return ask('d', 0); }
    std::uint64_t troubles() { return ask('t', 0); }
    /// Every fill under way is told as lost and told again.
    void lose_filler() { (void)ask('l', 0); }

    void kill_owner();
    /// Another process takes the gate over.
    void start_owner_again();

 private:
    std::uint64_t ask(char what, std::uint32_t argument);
    void start(bool is_first);

    Anchor anchor_;
    Plan plan_;
    gate::GateHandles handles_;
    sys::UniqueFd clone_;
    sys::UniqueFd control_;
    pid_t pid_ = -1;
};

/// A directory, or a file of the size, owned by root.
gate::Entry directory(const std::string& path);
gate::Entry file(const std::string& path, std::uint64_t size, mode_t mode = 0644);
gate::Entry hard_link(const std::string& path, const std::string& target);
gate::Entry symlink(const std::string& path, const std::string& target);

/// A child that runs `work` and exits with what that returns. Killed with the object.
class Child {
 public:
    explicit Child(const std::function<int()>& work);
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    pid_t pid() const { return pid_; }
    bool is_running();
    /// Its exit status; -1 when it was killed, -2 when it took longer than ten seconds.
    int wait();
    void kill();

 private:
    bool reap(int flags);
    pid_t pid_;
    sys::UniqueFd pidfd_;
    std::optional<int> status_;
};

/// Reads the file below `root` and compares: 0 when every byte is right, 1 when one is wrong, 2
/// when one is zero, else 100 + the errno value of the open, at most 255.
int read_and_compare(int root, const std::string& path, const std::vector<std::byte>& expected);

}  // namespace shardrun::test
