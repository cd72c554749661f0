#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <system_error>

namespace shardrun::test {

/// The process's open descriptors and what they are, to be compared before and after.
inline std::map<std::string, std::string> fd_census() {
    std::map<std::string, std::string> census;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;  // The iterator's own descriptor is gone by the time it is read.
        const auto target = std::filesystem::read_symlink(entry.path(), gone);
        if (!gone && target.string().find("/proc/") != 0)
            census[entry.path().filename()] = target.string();
    }
    return census;
}

}  // namespace shardrun::test
