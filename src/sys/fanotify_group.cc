#include "sys/fanotify_group.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::sys {
namespace {

// The classes differ in who may hold up whom: content arrives before anything looks at it.
constexpr unsigned kUnbounded =
    FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS;
// Read-only: shards see their tree through read-only mounts, where another one fails to open.
constexpr unsigned kEventFlags = O_RDONLY | O_CLOEXEC | O_LARGEFILE;
constexpr std::size_t kEventsMax = 64;
constexpr std::size_t kFdinfoSizeMax = std::size_t{512} << 20U;

// Linux 6.13; the headers of Debian 12 do not have it.
constexpr std::uint32_t deny_with(int code) {
    return FAN_DENY | static_cast<std::uint32_t>(code) << 24U;
}

std::uint64_t mask_of(FanotifyUse use) {
    return use == FanotifyUse::permission ? FAN_OPEN_PERM : FAN_OPEN;
}

bool can_be_told(int code) {
    constexpr std::array kCodes{EIO, EBUSY, ETXTBSY, EAGAIN, ENOSPC, EDQUOT};
    return std::ranges::find(kCodes, code) != kCodes.end();
}

}  // namespace

Result<FanotifyGroup> FanotifyGroup::create(FanotifyUse use) {
    const unsigned kind = use == FanotifyUse::permission ? FAN_CLASS_PRE_CONTENT : FAN_CLASS_NOTIF;
    UniqueFd fd(::fanotify_init(kind | kUnbounded, kEventFlags));
    if (!fd) return fail_errno("make a fanotify group");
    return FanotifyGroup(std::move(fd), use);
}

Result<void> FanotifyGroup::change(unsigned flags, int directory, const char* name) const {
    if (::fanotify_mark(fd_.get(), flags, mask_of(use_), directory, name) == 0) return {};
    return fail_errno("mark '{}' for its opens", name == nullptr ? "a file" : name);
}

Result<void> FanotifyGroup::mark(int file) const {
    return change(FAN_MARK_ADD, file, nullptr);
}

Result<void> FanotifyGroup::mark_at(int directory, const std::string& name) const {
    return change(FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW, directory, name.c_str());
}

Result<void> FanotifyGroup::unmark_at(int directory, const std::string& name) const {
    auto done = change(FAN_MARK_REMOVE | FAN_MARK_DONT_FOLLOW, directory, name.c_str());
    if (!done && done.error().code == ENOENT) return {};
    return done;
}

Result<void> FanotifyGroup::ignore_mount(int mount) const {
    constexpr unsigned kIgnore = FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY;
    return change(FAN_MARK_ADD | FAN_MARK_MOUNT | kIgnore, mount, ".");
}

Result<std::vector<OpenEvent>> FanotifyGroup::read(std::size_t count_max) const {
    alignas(fanotify_event_metadata)
        std::array<std::byte, kEventsMax * sizeof(fanotify_event_metadata)>
            buffer;
    const std::size_t room = std::min(count_max, kEventsMax) * sizeof(fanotify_event_metadata);
    std::vector<OpenEvent> events;
    const ssize_t size = ::read(fd_.get(), buffer.data(), room);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return events;
    if (size < 0) return fail_errno("read what was opened");
    ssize_t left = size;
    const auto* event = reinterpret_cast<const fanotify_event_metadata*>(buffer.data());
    for (; FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left)) {
        if (event->vers != FANOTIFY_METADATA_VERSION)
            return refuse(EPROTO, "the kernel speaks another version of fanotify");
        if (event->fd >= 0) events.push_back({UniqueFd(event->fd), event->pid});
    }
    return events;
}

Result<void> FanotifyGroup::answer(int event, std::uint32_t response) const {
    const fanotify_response message{event, response};
    if (::write(fd_.get(), &message, sizeof message) == sizeof message) return {};
    return fail_errno("answer an open");
}

Result<void> FanotifyGroup::allow(int event) const {
    return answer(event, FAN_ALLOW);
}

Result<void> FanotifyGroup::deny(int event, int code) const {
    if (code != EPERM) {
        auto done = answer(event, deny_with(can_be_told(code) ? code : EIO));
        // EINVAL: the kernel does not know reasons.
        if (done || done.error().code != EINVAL) return done;
    }
    return answer(event, FAN_DENY);
}

Result<std::vector<ino_t>> FanotifyGroup::marked_inodes() const {
    const std::string path = fmt::format("/proc/self/fdinfo/{}", fd_.get());
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_errno("open '{}'", path);
    SR_TRY(const std::vector<std::byte> bytes, read_rest(file.get(), kFdinfoSizeMax));
    return parse_marked_inodes(
        std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::vector<ino_t> parse_marked_inodes(const std::string& fdinfo) {
    constexpr std::string_view kLine = "fanotify ino:";
    std::vector<ino_t> inodes;
    std::istringstream lines(fdinfo);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(kLine)) continue;
        ino_t inode = 0;
        const char* const begin = line.data() + kLine.size();
        const auto parsed = std::from_chars(begin, line.data() + line.size(), inode, 16);
        if (parsed.ec == std::errc()) inodes.push_back(inode);
    }
    return inodes;
}

}  // namespace shardrun::sys
