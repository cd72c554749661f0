#include "cli/command.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli/output.h"

namespace shardrun::cli {
void fill_standard_descriptors() {
    int fd = 0;
    // What fills 0, 1 or 2 is for programs that are executed, too.
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = ::open("/dev/null", O_RDWR);  // NOLINT(android-cloexec-open)
    if (fd > STDERR_FILENO) (void)::close(fd);
}

std::optional<int> parse_or_status(OptionParser& parser, const Arguments& arguments) {
    const auto is_ready = parser.parse(arguments);
    if (!is_ready) {
        complain(is_ready.error().message);
        return kUsage;
    }
    if (*is_ready) return std::nullopt;
    return finish_with(parser.help());
}

int finish_with(const Result<std::string>& text) {
    if (!text) {
        complain(text.error().message);
        return kFailure;
    }
    if (const auto printed = print(*text); !printed) {
        complain(printed.error().message);
        return kFailure;
    }
    return kSuccess;
}

}  // namespace shardrun::cli
