#include "cli/output.h"

#include <unistd.h>

#include <cerrno>

#include "base/fail.h"
#include "cli/table.h"

namespace shardrun::cli {

Result<void> print(std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::write(STDOUT_FILENO, text.data(), text.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail_errno("write to standard output");
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return {};
}

void complain(std::string_view sentence) {
    const std::string line = fmt::format("shardrun: {}\n", printable(sentence));
    (void)!::write(STDERR_FILENO, line.data(), line.size());  // There is nobody else to tell.
}

bool is_for_people() {
    return ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace shardrun::cli
