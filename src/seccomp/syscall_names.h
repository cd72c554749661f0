#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/action.h"

namespace shardrun::seccomp {

/// How a call reaches the kernel on one arch: by its number; on x86 also through socketcall(2) or
/// ipc(2), whose first argument then says which call is meant.
struct CallBinding {
    std::uint32_t number = 0;
    std::optional<std::uint32_t> subcall;

    bool operator==(const CallBinding&) const = default;
};

/// Every way to make the call on `arch`; empty when the arch has no such call. Names come from
/// libseccomp's tables and, where those are older than the kernel, from our own.
std::vector<CallBinding> bindings_of(const std::string& name, Arch arch);

/// True for a call of any arch that libseccomp or we know.
bool is_known_syscall(const std::string& name);

/// The call's name, for messages; nothing when unknown.
std::optional<std::string> name_of(std::uint32_t number, Arch arch);

/// The known name that `name` is probably a misspelling of: at most two letters away.
std::optional<std::string> closest_syscall_name(std::string_view name);

}  // namespace shardrun::seccomp
