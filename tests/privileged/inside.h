#pragma once

#include <string>
#include <vector>

#include "privileged/testbed.h"

namespace shardrun::test {

/// What `survey` says in a shard: "key: value" lines, keys as often as they came.
class Survey {
 public:
    explicit Survey(const std::string& text);
    std::vector<std::string> values(const std::string& key) const;
    /// The only value of `key`; the test case ends if there is not exactly one.
    std::string value(const std::string& key) const;
    /// A field of /proc/self/status.
    std::string status(const std::string& field) const;

 private:
    std::vector<std::pair<std::string, std::string>> lines_;
};

/// Runs `survey` in a new shard.
Survey survey(const Testbed& bed, Client& client);

/// One failed check for each attempt that `attack` reports as SUCCEEDED; fails as well when fewer
/// than `attempts_min` were refused, so that an attack that did not run proves nothing.
void check_refused(const std::string& output, std::size_t attempts_min);

std::vector<std::string> lines_of(const std::string& text);

/// Direct children of a process, and those among them that are a supervisor's zygote.
std::vector<pid_t> children_of(pid_t pid);
pid_t zygote_of(pid_t supervisor);

}  // namespace shardrun::test
