#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "seccomp/json_text.h"
#include "seccomp/profile.h"
#include "shardrun/error.h"

namespace shardrun::seccomp {

/// "SCMP_ACT_ERRNO" and its kind. `value`: the errno or message for the actions that carry one.
/// Errors: EINVAL with the known names; SCMP_ACT_NOTIFY is refused for want of a listener.
Result<Action> parse_action(const JsonField& field, std::uint16_t value);

/// An entry of "args".
Result<ArgCheck> parse_arg_check(const JsonField& field);

/// "SCMP_ARCH_X86_64" and its kind. Nothing: an arch that this kernel can never report.
Result<std::optional<Arch>> parse_arch(const JsonField& field, Arch native);

/// An errno by number (errnoRet) or by name (Podman's "errno": "ENOSYS").
Result<std::uint16_t> parse_errno(const JsonField& field);

/// SECCOMP_FILTER_FLAG_* from a list of their names.
Result<std::uint32_t> parse_flags(const JsonField& field);

/// Whether "includes" holds, and "excludes" does not, in `context`. Fields may be blank.
Result<bool> is_included(const JsonField& includes, const ProfileContext& context);
Result<bool> is_excluded(const JsonField& excludes, const ProfileContext& context);

}  // namespace shardrun::seccomp
