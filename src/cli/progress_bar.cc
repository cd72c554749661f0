#include "cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>

#include "base/fail.h"
#include "cli/table.h"
#include "cli/words.h"
#include "sys/terminal.h"

namespace shardrun::cli {
namespace {

constexpr std::size_t kBarWidth = 24;
constexpr std::chrono::milliseconds kStep{100};

void write_line(const std::string& text) {
    (void)!::write(STDERR_FILENO, text.data(), text.size());  // It is for show.
}

std::string bar(std::uint64_t percent) {
    const auto filled = std::size_t{percent * kBarWidth / 100};
    return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "]";
}

}  // namespace

std::string render_progress(const ProgressState& state, std::uint64_t bytes_per_second,
                            std::size_t width) {
    std::string line(state.label);
    if (state.total != 0) {
        const std::uint64_t done = std::min(state.done, state.total);
        // By thousandths of the total: no product overflows.
        const std::uint64_t percent =
            state.total < 100 ? done * 100 / state.total
                              : std::min<std::uint64_t>(done / (state.total / 100), 100);
        line += fmt::format(" {} {:>3} %  {} of {}", bar(percent), percent, size_text(done),
                            size_text(state.total));
    } else {
        line += fmt::format("  {}", size_text(state.done));
    }
    if (!state.detail.empty()) line += "  " + printable(state.detail);
    if (bytes_per_second != 0) line += fmt::format("  {}/s", size_text(bytes_per_second));
    if (line.size() > width) line.resize(width);
    return line;
}

ProgressBar::ProgressBar() : is_shown_(sys::is_terminal(STDERR_FILENO)), begun_(clock_.now()) {}

ProgressBar::~ProgressBar() {
    if (has_line_) write_line("\r\x1b[K");
}

void ProgressBar::show(const ProgressState& state) {
    if (!is_shown_) return;
    const MonoTime now = clock_.now();
    if (now < next_) return;
    next_ = now + kStep;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - begun_).count();
    const std::uint64_t rate = ms < 500 ? 0 : state.done / static_cast<std::uint64_t>(ms) * 1000;
    const std::size_t width = sys::window_size(STDERR_FILENO).columns;
    write_line("\r" + render_progress(state, rate, width > 1 ? width - 1 : 79) + "\x1b[K");
    has_line_ = true;
}

}  // namespace shardrun::cli
