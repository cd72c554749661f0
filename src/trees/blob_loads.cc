#include "trees/blob_loads.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/fail.h"

namespace shardrun::trees {
namespace {

constexpr mode_t kFolderMode = 0755;
constexpr mode_t kFileMode = 0444;
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

Result<sys::UniqueFd> make_file(int folder) {
    sys::UniqueFd file(folder < 0
                           ? ::memfd_create("blob", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                           : ::openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kFileMode));
    if (!file) return fail_errno("make room for a blob");
    return file;
}

/// Shows the file; the same name may have come in meanwhile, with the same content.
Result<void> show(int folder, const std::string& name, int file) {
    for (std::size_t slash = name.find('/'); slash != std::string::npos;
         slash = name.find('/', slash + 1))
        if (::mkdirat(folder, name.substr(0, slash).c_str(), kFolderMode) != 0 && errno != EEXIST)
            return fail_errno("make '/blobs/{}'", name.substr(0, slash));
    if (::linkat(file, "", folder, name.c_str(), AT_EMPTY_PATH) != 0 && errno != EEXIST)
        return fail_errno("show '/blobs/{}'", name);
    return {};
}

Result<void> seal(int file) {
    if (::fcntl(file, F_ADD_SEALS, kSeals) != 0) return fail_errno("seal a blob");
    return {};
}

Result<sys::UniqueFd> duplicate(int file) {
    sys::UniqueFd copy(::fcntl(file, F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno("hand over a blob's file");
    return copy;
}

Error error_of(const Supply::End& end, const std::string& name) {
    if (!end.reason.empty()) return {end.code, fmt::format("blob '{}': {}", name, end.reason)};
    const bool is_damaged = end.outcome == streamer::Outcome::wrong_digest ||
                            end.outcome == streamer::Outcome::wrong_size;
    if (is_damaged)
        return {EIO, fmt::format("blob '{}': is damaged in the store: 'shardrun image verify' sets "
                                 "it aside",
                                 name)};
    return {end.code, fmt::format("blob '{}': load it: {}", name, errno_text(end.code))};
}

}  // namespace

BlobLoads::~BlobLoads() {
    for (const auto& [id, load] : loads_) supply_.forget(load.job);
    fail(std::exchange(loads_, {}), {ECANCELED, "the supervisor ends"});
}

void BlobLoads::load(const blob::Digest& digest, Wish wish, sys::UniqueFd folder) {
    Load load;
    load.request = wish.request;
    load.report.name = std::move(wish.name);
    load.folder = std::move(folder);
    const char* const name = load.report.name.c_str();
    if (::faccessat(load.folder.get(), name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return begin(digest, std::move(load));
    load.report.outcome = BlobOutcome::hit;
    load.report.digest = digest.bytes;
    on_end_(load.request, std::move(load.report), {});
}

void BlobLoads::open(const blob::Digest& digest, Wish wish) {
    Load load;
    load.request = wish.request;
    load.report.name = std::move(wish.name);
    begin(digest, std::move(load));
}

void BlobLoads::begin(const blob::Digest& digest, Load load) {
    load.begun = loop_.now();
    load.report.digest = digest.bytes;
    const std::uint64_t id = ++last_;
    if (const auto ordered = order(digest, id, load); !ordered) {
        load.report.error = ordered.error();
        return on_end_(load.request, std::move(load.report), {});
    }
    loads_.emplace(id, std::move(load));
}

Result<void> BlobLoads::order(const blob::Digest& digest, std::uint64_t id, Load& load) {
    SR_TRY(load.file, make_file(load.folder ? load.folder.get() : -1));
    SR_TRY(sys::UniqueFd destination, duplicate(load.file.get()));
    const Supply::Order order{digest, std::nullopt, streamer::Urgency::demand};
    SR_TRY(load.job,
           supply_.fill(
               order, std::move(destination), [file = load.file.get()] { return duplicate(file); },
               [this, id](const Supply::End& end) { on_filled(id, end); }));
    return {};
}

void BlobLoads::on_filled(std::uint64_t id, const Supply::End& end) {
    auto found = loads_.extract(id);
    if (found.empty()) return;
    Load& load = found.mapped();
    load.report.size_bytes = end.size_bytes;
    load.report.elapsed =
        std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - load.begun);
    if (end.outcome != streamer::Outcome::complete) {
        load.report.error = error_of(end, load.report.name);
        return on_end_(load.request, std::move(load.report), {});
    }
    const auto shown = load.folder ? show(load.folder.get(), load.report.name, load.file.get())
                                   : seal(load.file.get());
    if (shown)
        load.report.outcome = BlobOutcome::demand_loaded;
    else
        load.report.error = shown.error();
    const bool is_handed_over = shown && !load.folder;
    on_end_(load.request, std::move(load.report),
            is_handed_over ? std::move(load.file) : sys::UniqueFd());
}

void BlobLoads::lose_filler() {
    std::map<std::uint64_t, Load> lost;
    for (auto at = loads_.begin(); at != loads_.end();) {
        const auto each = at++;
        if (!supply_.is_under_way(each->second.job)) lost.insert(loads_.extract(each));
    }
    fail(std::move(lost), {EAGAIN, "the streamer ended and is started again: ask again"});
}

void BlobLoads::fail(std::map<std::uint64_t, Load> loads, const Error& why) {
    for (auto& [id, load] : loads) {
        load.report.error =
            Error{why.code, fmt::format("blob '{}': {}", load.report.name, why.message)};
        on_end_(load.request, std::move(load.report), {});
    }
}

}  // namespace shardrun::trees
