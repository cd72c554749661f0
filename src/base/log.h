#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace shardrun {

/// sd-daemon(3) priorities. Error: given up. Warning: went on, and says how. Notice: an operator
/// would want to know. Info: lifecycle. Debug: free.
enum class LogLevel { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// Lines above this level are dropped. Default: notice. Set once, by main.
void set_log_level(LogLevel level);
bool is_logged(LogLevel level);

/// One line to stderr; with an sd-daemon priority prefix unless stderr is a terminal.
void write_log_line(LogLevel level, std::string_view line);

template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (is_logged(level)) write_log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace shardrun
