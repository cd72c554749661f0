#include "trees/tree_plan.h"

#include <array>
#include <cerrno>
#include <deque>
#include <utility>

#include "base/fail.h"
#include "image/path.h"

namespace shardrun::trees {
namespace {

// What set_up_shard mounts upon, see shard/zygote/setup.cc.
constexpr std::array kMountPoints{"blobs", "dev", "proc", "run", "sys", "tmp"};
constexpr mode_t kMountPointMode = 0755;
constexpr std::uint64_t kPageBytes = 4096;
constexpr unsigned kLinksMax = 40;  // As the kernel's own bound.

gate::Entry base_of(const image::Entry& entry) {
    gate::Entry made;
    made.path = entry.path;
    made.mode = entry.mode;
    made.uid = entry.uid;
    made.gid = entry.gid;
    made.mtime = {entry.mtime.seconds, static_cast<long>(entry.mtime.nanoseconds)};
    return made;
}

/// The names of `path`, put before those that are still to be walked.
void push_names(std::string_view path, std::deque<std::string>& names) {
    auto at = names.begin();
    while (!path.empty()) {
        const std::size_t size = std::min(path.find('/'), path.size());
        if (size > 0) at = std::next(names.emplace(at, path.substr(0, size)));
        path.remove_prefix(std::min(size + 1, path.size()));
    }
}

}  // namespace

Result<TreePlan> TreePlan::create(const image::Manifest& manifest) {
    TreePlan plan;
    const std::size_t count = manifest.entries().size() + kMountPoints.size();
    plan.entries_->reserve(count);
    plan.digests_.reserve(count);
    plan.by_path_.reserve(count);
    SR_DO(plan.add_mount_points(manifest));
    for (const image::Entry& entry : manifest.entries())
        if (!entry.path.empty()) plan.add_entry(manifest, entry);
    return plan;
}

Result<void> TreePlan::add_mount_points(const image::Manifest& manifest) {
    for (const char* name : kMountPoints) {
        const auto index = manifest.index_of(name);
        if (index && manifest.entries()[*index].type != image::EntryType::directory)
            return refuse(ENOTDIR,
                          "'/{}' is a {}; a shard mounts there and needs a directory, or nothing",
                          name, image::name_of(manifest.entries()[*index].type));
        if (index) continue;
        gate::Entry made;
        made.path = name;
        made.type = gate::EntryType::directory;
        made.mode = kMountPointMode;
        add(std::move(made), {});
    }
    return {};
}

void TreePlan::add_entry(const image::Manifest& manifest, const image::Entry& entry) {
    gate::Entry made = base_of(entry);
    switch (entry.type) {
        case image::EntryType::directory:
            made.type = gate::EntryType::directory;
            return add(std::move(made), {});
        case image::EntryType::file:
            made.size_bytes = entry.size_bytes;
            content_bytes_ += (entry.size_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
            return add(std::move(made), entry.digest);
        case image::EntryType::symlink:
            made.type = gate::EntryType::symlink;
            made.target = entry.target;
            return add(std::move(made), {});
        case image::EntryType::hard_link:
            made.type = gate::EntryType::hard_link;
            made.target = manifest.entries()[entry.link_to].path;
            return add(std::move(made), {});
        case image::EntryType::char_device:
        case image::EntryType::block_device:
        case image::EntryType::fifo:
        case image::EntryType::socket:
            ++left_out_count_;
            return;
    }
}

void TreePlan::add(gate::Entry entry, const blob::Digest& digest) {
    by_path_.emplace(entry.path, static_cast<std::uint32_t>(entries_->size()));
    entries_->push_back(std::move(entry));
    digests_.push_back(digest);
}

Result<gate::FileId> TreePlan::find_file(std::string_view path) const {
    std::deque<std::string> names;
    push_names(path, names);
    std::string at;  // A directory of the image, "" being its root.
    unsigned links = 0;
    while (!names.empty()) {
        const std::string name = std::exchange(names.front(), {});
        names.pop_front();
        if (name == ".") continue;
        if (name == "..") {
            at = at.empty() ? at : std::string(image::parent_path(at));
            continue;
        }
        const auto found = by_path_.find(image::join_path(at, name));
        if (found == by_path_.end()) return refuse(ENOENT, "the image has no '{}'", path);
        const gate::Entry* entry = &(*entries_)[found->second];
        if (entry->type == gate::EntryType::symlink) {
            if (++links > kLinksMax)
                return refuse(ELOOP, "'{}' leads through too many links", path);
            if (entry->target.starts_with('/')) at.clear();
            push_names(entry->target, names);
        } else if (entry->type == gate::EntryType::directory) {
            at = entry->path;
        } else if (!names.empty()) {
            return refuse(ENOTDIR, "'{}': '/{}' is no directory", path, entry->path);
        } else {
            const bool is_link = entry->type == gate::EntryType::hard_link;
            return gate::FileId{is_link ? by_path_.at(entry->target) : found->second};
        }
    }
    return refuse(EISDIR, "'{}' is a directory", path);
}

}  // namespace shardrun::trees
