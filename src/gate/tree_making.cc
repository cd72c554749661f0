#include "gate/tree_making.h"

#include <sys/stat.h>

#include <cerrno>
#include <limits>

#include "base/fail.h"
#include "sys/detached_tmpfs.h"

namespace shardrun::gate {
namespace {

/// Modes are the entries' own.
class NoUmask {
 public:
    NoUmask() : before_(::umask(0)) {}
    NoUmask(const NoUmask&) = delete;
    NoUmask& operator=(const NoUmask&) = delete;
    ~NoUmask() { ::umask(before_); }

 private:
    mode_t before_;
};

/// Says where it is attached now; empty: nowhere, as none has to be.
Result<std::string> make_clonable(int mount, const std::string& anchor) {
    auto tried = sys::clone_read_only(mount);
    if (tried) return std::string();
    if (tried.error().code != EINVAL || anchor.empty())
        return while_doing(Result<std::string>(std::unexpected(tried.error())), "try a tree");
    SR_DO(sys::attach_mount(mount, anchor));
    return anchor;
}

}  // namespace

Result<Tree> Tree::build(Entries entries, const TreeConfig& config,
                         const sys::FanotifyGroup& gate) {
    SR_TRY(TreeMaking making, TreeMaking::begin(std::move(entries), config, gate));
    SR_TRY(const bool is_made, making.make_some(std::numeric_limits<std::size_t>::max()));
    SR_ASSERT(is_made);
    return std::move(making).finish();
}

Result<TreeMaking> TreeMaking::begin(Entries entries, const TreeConfig& config,
                                     const sys::FanotifyGroup& gate) {
    // The root, and one to spare, which the kernel wants for none.
    const sys::TmpfsLimits limits{config.size_max_bytes, entries->size() + 2};
    SR_TRY(sys::UniqueFd mount, sys::make_detached_tmpfs("shardrun-tree", limits));
    SR_DO(gate.ignore_mount(mount.get()));
    Tree tree(std::move(entries), std::move(mount));
    tree.by_inode_.reserve(tree.size());
    return TreeMaking(std::move(tree), config, gate);
}

Result<bool> TreeMaking::make_some(std::size_t count_max) {
    const NoUmask no_umask;
    const std::size_t count = tree_.size();
    for (; count_max > 0 && made_ < count; --count_max) SR_DO(make(made_++));
    for (; count_max > 0 && made_ == count && finished_ < count; --count_max)
        SR_DO(finish_directory(count - ++finished_));
    return finished_ == count;
}

Result<void> TreeMaking::make(std::size_t index) {
    SR_TRY(const ino_t inode, builder_.make((*tree_.entries_)[index]));
    if (inode != 0) tree_.by_inode_.emplace(inode, FileId{static_cast<std::uint32_t>(index)});
    return {};
}

Result<void> TreeMaking::finish_directory(std::size_t index) {
    const Entry& entry = (*tree_.entries_)[index];
    if (entry.type != EntryType::directory) return {};
    return builder_.finish_directory(entry);
}

Result<Tree> TreeMaking::finish() && {
    SR_ASSERT(finished_ == tree_.size());
    SR_TRY(tree_.anchor_, make_clonable(tree_.own_mount(), config_.anchor));
    return std::move(tree_);
}

}  // namespace shardrun::gate
