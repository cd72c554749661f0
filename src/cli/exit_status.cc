#include "cli/exit_status.h"

#include <cerrno>

namespace shardrun::cli {

int exit_status_of(const ProgramExit& exit) {
    return exit.signal_number != 0 ? 128 + exit.signal_number : exit.status;
}

int exit_status_of(const Error& error, bool is_exec_failure) {
    if (!is_exec_failure) return kOwnFailureStatus;
    switch (error.code) {
        case ENOENT:
        case ENOTDIR:
            return kNotFoundStatus;
        case EACCES:
        case EPERM:
        case ENOEXEC:
        case EISDIR:
        case ELIBBAD:
        case ELOOP:
        case ETXTBSY:
        case EIO:
            return kNotExecutableStatus;
        default:
            return kOwnFailureStatus;
    }
}

}  // namespace shardrun::cli
