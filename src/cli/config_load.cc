#include "cli/config_load.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/fail.h"
#include "cli/config_file.h"
#include "shardrun/unique_fd.h"

namespace shardrun::cli {
namespace {

/// At most one byte more than a configuration may have: enough to refuse it.
Result<std::string> read_file(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_errno("read configuration '{}'", path);
    std::string text(kConfigSizeMax + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read configuration '{}'", path);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

}  // namespace

Result<LoadedConfig> load_config(const std::optional<std::string>& path) {
    LoadedConfig loaded;
    loaded.path = path.value_or(kDefaultConfigPath);
    const auto text = read_file(loaded.path);
    if (!text && text.error().code == ENOENT && !path) return loaded;
    if (!text) return std::unexpected(text.error());
    SR_TRY(loaded.config, parse_config(*text, loaded.path));
    loaded.is_from_file = true;
    return loaded;
}

}  // namespace shardrun::cli
