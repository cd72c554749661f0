#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <expected>
#include <string>
#include <utility>

#include "shardrun/error.h"

namespace shardrun {

/// The kernel's text for an errno value, without std::strerror's shared buffer.
std::string errno_text(int code);

/// An Error that ends in the text of `code`: `fail(EBUSY, "remove cgroup '{}'", name)`.
template <class... Args>
std::unexpected<Error> fail(int code, fmt::format_string<Args...> format, Args&&... args) {
    std::string message = fmt::format(format, std::forward<Args>(args)...);
    return std::unexpected(Error{code, message + ": " + errno_text(code)});
}

/// An Error whose sentence is complete in itself; `code` is for programs.
template <class... Args>
std::unexpected<Error> refuse(int code, fmt::format_string<Args...> format, Args&&... args) {
    return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

/// For calls that return -1 and set errno; write it on the very next line.
template <class... Args>
std::unexpected<Error> fail_errno(fmt::format_string<Args...> format, Args&&... args) {
    const int code = errno;
    return fail(code, format, std::forward<Args>(args)...);
}

/// Prefixes the caller's intent: "start shard 'web-7': create cgroup 'shard-web-7': …".
template <class T, class... Args>
Result<T> while_doing(Result<T> result, fmt::format_string<Args...> format, Args&&... args) {
    if (result) return result;
    Error error = std::move(result).error();
    error.message = fmt::format(format, std::forward<Args>(args)...) + ": " + error.message;
    return std::unexpected(std::move(error));
}

/// Reports a bug of our own and aborts; on in release builds. Never for bytes or paths from
/// outside.
[[noreturn]] void assertion_failed(const char* what, const char* file, int line);

}  // namespace shardrun

#define SR_CONCAT_INNER(a, b) a##b
#define SR_CONCAT(a, b) SR_CONCAT_INNER(a, b)

/// Declares or assigns `target` from a Result, or returns its Error to the caller. Stands in a
/// block.
// NOLINTBEGIN(bugprone-macro-parentheses): `target` may be a declaration.
#define SR_TRY(target, expression) SR_TRY_VIA(SR_CONCAT(sr_result_, __LINE__), target, expression)
#define SR_TRY_VIA(result, target, expression)                      \
    auto result = (expression);                                     \
    if (!result) return std::unexpected(std::move(result).error()); \
    target = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)

/// The same for a Result<void>.
#define SR_DO(expression)                                                 \
    do {                                                                  \
        auto sr_done = (expression);                                      \
        if (!sr_done) return std::unexpected(std::move(sr_done).error()); \
    } while (false)

#define SR_ASSERT(condition)            \
    ((condition) ? static_cast<void>(0) \
                 : ::shardrun::assertion_failed(#condition, __FILE__, __LINE__))
