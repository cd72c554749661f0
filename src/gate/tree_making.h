#pragma once

#include <cstddef>

#include "gate/tree.h"
#include "gate/tree_builder.h"

namespace shardrun::gate {

/// A tree on its way, made in pieces: a large one takes seconds, in which others want to be heard.
class TreeMaking {
 public:
    /// Each file that has bytes to come is marked in `gate`, which is borrowed, as it is made.
    static Result<TreeMaking> begin(Entries entries, const TreeConfig& config,
                                    const sys::FanotifyGroup& gate);

    /// At most `count_max` steps further, of some 10 microseconds each; true: all is made. Sets the
    /// process's umask meanwhile, hence only for processes with one thread. Errors: EINVAL for a
    /// path that leaves the tree or has no directory; EEXIST for one that is there twice.
    Result<bool> make_some(std::size_t count_max);

    /// Once all is made.
    Result<Tree> finish() &&;

    int own_mount() const { return tree_.own_mount(); }

 private:
    TreeMaking(Tree tree, const TreeConfig& config, const sys::FanotifyGroup& gate)
        : tree_(std::move(tree)), builder_(tree_.own_mount(), gate), config_(config) {}

    Result<void> make(std::size_t index);
    Result<void> finish_directory(std::size_t index);

    Tree tree_;
    TreeBuilder builder_;
    TreeConfig config_;
    std::size_t made_ = 0;
    std::size_t finished_ = 0;  // From the end: a directory after what is in it.
};

}  // namespace shardrun::gate
