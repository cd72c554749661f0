#include "cli/program_places.h"

#include <unistd.h>

namespace shardrun::cli {

std::vector<std::string> places_of(const std::string& program) {
    std::string self(4096, '\0');
    const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size());
    self.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return {self.substr(0, self.rfind('/') + 1) + program, SHARDRUN_LIBEXEC "/" + program};
}

}  // namespace shardrun::cli
