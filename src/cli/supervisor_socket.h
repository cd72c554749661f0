#pragma once

#include <optional>
#include <string>

#include "shardrun/client.h"
#include "shardrun/error.h"

namespace shardrun::cli {

/// A connection to the supervisor at `path` (none: the default), or the sentence that says how to
/// get one. Errors keep the code: ENOENT and ECONNREFUSED when nobody listens.
Result<Client> connect_supervisor(const std::optional<std::string>& path);

/// Whether the error means that no supervisor is there at all.
bool is_nobody_listening(const Error& error);

/// Pure: what a failed connect to `path` means to a person.
Error explain_connect(const Error& error, const std::string& path);

}  // namespace shardrun::cli
