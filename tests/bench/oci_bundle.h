#pragma once

#include <string>
#include <vector>

#include "shardrun/error.h"

namespace shardrun::bench {

/// shardrun's built-in seccomp profile compiled, as the bytes that bubblewrap takes.
Result<std::string> builtin_profile_as_bpf();

/// Writes an OCI bundle: root of the host's /usr read-only, a private /tmp, six namespaces, no
/// capabilities, no_new_privs. `with_filter`: and shardrun's built-in seccomp profile, as far as
/// libseccomp takes it.
Result<void> write_bundle(const std::string& folder, const std::vector<std::string>& argv,
                          bool with_filter);

}  // namespace shardrun::bench
