#include "cli/supervisor_socket.h"

#include <cerrno>

#include "base/fail.h"

namespace shardrun::cli {

bool is_nobody_listening(const Error& error) {
    return error.code == ENOENT || error.code == ECONNREFUSED;
}

Error explain_connect(const Error& error, const std::string& path) {
    if (is_nobody_listening(error))
        return {error.code,
                fmt::format("no supervisor listens at '{}': start one with 'systemctl start "
                            "shardrun' or 'shardrun serve', or use 'shardrun run --embedded' as "
                            "root",
                            path)};
    if (error.code == EACCES)
        return {error.code, fmt::format("the supervisor at '{}' does not let this user connect: an "
                                        "administrator can add it to the group of [socket] in "
                                        "/etc/shardrun/shardrun.toml",
                                        path)};
    return error;
}

Result<Client> connect_supervisor(const std::optional<std::string>& path) {
    const std::string place = path.value_or(kDefaultSocketPath);
    auto client = Client::connect(place);
    if (!client) return std::unexpected(explain_connect(client.error(), place));
    return client;
}

}  // namespace shardrun::cli
