#include "trees/anchor.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "base/fail.h"
#include "base/log.h"

namespace shardrun::trees {
namespace {

constexpr mode_t kForRootAlone = 0700;
// Another process may just be taking the folder away because it was empty.
constexpr int kTries = 3;
constexpr int kFoldersMax =
    3;  // The anchor, the folder of anchors, and what is shardrun's in /run.

/// "PID-N": whose it is.
bool is_of_the_dead(const std::string& name) {
    pid_t pid = 0;
    const char* const end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data(), end, pid);
    const bool is_ours =
        parsed.ec == std::errc() && pid > 0 && parsed.ptr != end && *parsed.ptr == '-';
    return is_ours && ::kill(pid, 0) != 0 && errno == ESRCH;
}

}  // namespace

Anchor Anchor::make(const std::string& folder) {
    static std::atomic<unsigned> last{0};
    Anchor anchor;
    anchor.path_ = fmt::format("{}/{}-{}", folder, ::getpid(), ++last);
    for (int i = 0; i < kTries; ++i) {
        std::error_code error;
        std::filesystem::create_directories(folder, error);
        (void)::chmod(folder.c_str(), kForRootAlone);
        if (::mkdir(anchor.path_.c_str(), kForRootAlone) == 0) return anchor;
    }
    log(LogLevel::info, "make '{}': {}, ignoring", anchor.path_, errno_text(errno));
    anchor.path_.clear();
    return anchor;
}

Anchor::~Anchor() {
    // What is still in use stays; what cannot go is taken away by the next start.
    for (int i = 0; i < kFoldersMax && !path_.empty(); ++i) {
        if (::rmdir(path_.c_str()) != 0) return;
        path_.resize(path_.rfind('/'));
    }
}

void reclaim_anchors(const std::string& folder) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (!is_of_the_dead(entry.path().filename())) continue;
        (void)::umount2(entry.path().c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);  // May be none.
        if (::rmdir(entry.path().c_str()) != 0)
            log(LogLevel::warning, "remove '{}': {}, ignoring", entry.path().string(),
                errno_text(errno));
    }
}

}  // namespace shardrun::trees
