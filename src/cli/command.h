#pragma once

#include <optional>
#include <string_view>

#include "cli/option_parser.h"

namespace shardrun::cli {

/// One word behind `shardrun`.
struct Command {
    std::string_view name;
    std::string_view summary;
    /// Does it all and gives the exit status.
    int (*run)(const Arguments& arguments);
};

/// Does it, or becomes the program shardrun-run when it needs an embedded supervisor with a store;
/// see elsewhere.cc.
int run_command(const Arguments& arguments);
int exec_command(const Arguments& arguments);
int ls_command(const Arguments& arguments);
int inspect_command(const Arguments& arguments);
int stats_command(const Arguments& arguments);
int events_command(const Arguments& arguments);
int kill_command(const Arguments& arguments);
int release_command(const Arguments& arguments);
/// Becomes the program shardrun-serve; see elsewhere.cc.
int serve_command(const Arguments& arguments);
/// Becomes the program shardrun-replay; see elsewhere.cc.
int replay_command(const Arguments& arguments);
/// Caches over a trace.
int replay_here(const Arguments& arguments);
/// Become the program shardrun-store, which does `blob_here` and `image_here`.
int blob_command(const Arguments& arguments);
int image_command(const Arguments& arguments);
int blob_here(const Arguments& arguments);
int image_here(const Arguments& arguments);
int doctor_command(const Arguments& arguments);
int version_command(const Arguments& arguments);

// Exit statuses of all commands but run and exec.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;

/// A closed descriptor 0, 1 or 2 would be given to the next file that is opened, and what is meant
/// for standard output would land in it. For the beginning of main.
void fill_standard_descriptors();

/// Parses; gives the exit status to end with when there is nothing to do (help, or a mistake).
std::optional<int> parse_or_status(OptionParser& parser, const Arguments& arguments);

/// Prints the text, or the error; gives the exit status.
int finish_with(const Result<std::string>& text);

}  // namespace shardrun::cli
