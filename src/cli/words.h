#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "shardrun/messages.h"

/// The messages' values as people read them. All pure.
namespace shardrun::cli {

std::string_view name_of(ShardState state);
std::string_view name_of(AssignmentKind kind);
std::string_view name_of(NetworkMode mode);

/// "cpu memory" for those two Controller bits; empty for none.
std::string controller_names(std::uint32_t bits);

/// "512 MiB", "1.5 GiB", "900 B".
std::string size_text(std::uint64_t bytes);
/// "41 ms", "1.7 s", "2 h 5 min", "820 us".
std::string time_text(std::chrono::microseconds time);
/// "1.5" for 1500 millicores.
std::string cores_text(std::uint32_t millicores);
/// "SIGTERM", or "signal 40".
std::string signal_text(int number);
/// "exit status 3", "killed by SIGKILL, out of memory".
std::string exit_text(const ProgramExit& exit);
/// "12.34 %" of hundredths of a percent.
std::string percent_text(std::uint16_t hundredths);

}  // namespace shardrun::cli
