#include "base/log.h"

#include <unistd.h>

#include <string>

namespace shardrun {
namespace {

LogLevel& current_level() {
    static LogLevel level = LogLevel::notice;
    return level;
}

}  // namespace

void set_log_level(LogLevel level) {
    current_level() = level;
}

bool is_logged(LogLevel level) {
    return level <= current_level();
}

void write_log_line(LogLevel level, std::string_view line) {
    static const bool kTerminal = ::isatty(STDERR_FILENO) == 1;
    const std::string text = kTerminal ? fmt::format("{}\n", line)
                                       : fmt::format("<{}>{}\n", static_cast<int>(level), line);
    // Nothing useful is left to do when stderr is gone.
    (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace shardrun
