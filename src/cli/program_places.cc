#include "cli/program_places.h"

#include <unistd.h>

#include <cerrno>

#include "base/fail.h"

namespace shardrun::cli {

std::vector<std::string> places_of(const std::string& program) {
    std::string self(4096, '\0');
    const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size());
    self.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return {self.substr(0, self.rfind('/') + 1) + program, SHARDRUN_LIBEXEC "/" + program};
}

Result<std::string> find_program(const std::string& program) {
    const std::vector<std::string> places = places_of(program);
    for (const std::string& path : places)
        if (::access(path.c_str(), X_OK) == 0) return path;
    return refuse(ENOENT, "'{}' is missing: install shardrun again", places.back());
}

}  // namespace shardrun::cli
