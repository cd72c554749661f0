#pragma once

#include <map>
#include <vector>

#include "importer/content_facts.h"
#include "importer/tree.h"

namespace shardrun::importer {

/// What an image's own files say of which file is opened after which.
struct Prior {
    std::vector<image::Edge> edges;  ///< sorted, as a manifest wants them
    bool is_cut_short = false;       ///< there would have been more than kEdgesMax
};

/// `entry_of_inode`: the index of each file's entry in the manifest.
Prior make_prior(const Tree& tree, const std::vector<ContentFacts>& facts,
                 const std::map<std::uint32_t, std::uint32_t>& entry_of_inode);

}  // namespace shardrun::importer
