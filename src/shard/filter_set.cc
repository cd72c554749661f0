#include "shard/filter_set.h"

#include <sys/utsname.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/fail.h"
#include "base/log.h"

namespace shardrun::shard {
namespace {

constexpr std::size_t kProfileSizeMax = 1024UL * 1024;

Result<std::string> read_profile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail_errno("open seccomp profile '{}'", path);
    std::string text(kProfileSizeMax + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > kProfileSizeMax)
        return refuse(EFBIG, "seccomp profile '{}' is longer than {} bytes", path, kProfileSizeMax);
    return text;
}

seccomp::KernelVersion running_kernel() {
    utsname names{};
    seccomp::KernelVersion version;
    if (::uname(&names) != 0) return version;
    std::istringstream text(static_cast<const char*>(names.release));
    char dot = 0;
    text >> version.release >> dot >> version.patchlevel;
    return version;
}

}  // namespace

void FilterSet::set_profiles(std::map<std::string, std::string> paths) {
    paths_ = std::move(paths);
    loaded_.clear();
}

Result<std::shared_ptr<const seccomp::FilterProgram>> FilterSet::compile_profile(
    const std::string& profile, std::uint64_t capabilities) {
    const seccomp::ProfileContext context{capabilities, running_kernel(), seccomp::kNativeArch};
    const auto path = paths_.find(profile);
    if (path == paths_.end() && profile == "default") return compiled_.load("", context);
    if (path == paths_.end())
        return refuse(
            ENOENT,
            "seccomp profile '{}' is not configured; name one of [seccomp.profiles] or 'default'",
            profile);
    SR_TRY(const std::string text, read_profile(path->second));
    if (text.empty()) return refuse(EINVAL, "seccomp profile '{}' is empty", path->second);
    return while_doing(compiled_.load(text, context), "seccomp profile '{}'", path->second);
}

Result<FilterSet::Loaded> FilterSet::load(const std::string& profile, std::uint64_t capabilities,
                                          const ZygoteProcess& zygote) {
    const auto known = loaded_.find({profile, capabilities});
    if (known != loaded_.end()) return known->second;
    SR_TRY(const std::shared_ptr<const seccomp::FilterProgram> program,
           compile_profile(profile, capabilities));
    for (const std::string& warning : program->warnings)
        log(LogLevel::warning, "seccomp profile '{}': {}", profile, warning);
    // Inits that live have a filter mapped already; a number that comes round again only meets
    // later launches.
    const Loaded loaded{next_id_++ % zygote::kFiltersMax, program->filter_allows_launch};
    SR_DO(zygote.send_filter(loaded.id, program->instructions));
    std::erase_if(loaded_, [&](const auto& entry) { return entry.second.id == loaded.id; });
    loaded_.emplace(std::pair(profile, capabilities), loaded);
    return loaded;
}

}  // namespace shardrun::shard
