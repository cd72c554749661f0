#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/mono_time.h"
#include "sys/real_clock.h"

namespace shardrun::cli {

struct ProgressState {
    std::string_view label;   ///< "importing"
    std::uint64_t done = 0;   ///< bytes
    std::uint64_t total = 0;  ///< bytes; 0: unknown
    std::string detail{};     ///< what stands behind it
};

/// One line of at most `width` columns, without its end. Pure.
std::string render_progress(const ProgressState& state, std::uint64_t bytes_per_second,
                            std::size_t width);

/// A line on the terminal that standard error is, redrawn a few times a second, and gone when the
/// work is. Silent where standard error is no terminal.
class ProgressBar {
 public:
    ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    void show(const ProgressState& state);

 private:
    sys::RealClock clock_;
    bool is_shown_;
    bool has_line_ = false;
    MonoTime begun_;
    MonoTime next_{};
};

}  // namespace shardrun::cli
