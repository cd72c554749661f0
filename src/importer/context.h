#pragma once

#include "image/import_options.h"
#include "importer/content_stream.h"
#include "importer/tree.h"

namespace shardrun::importer {

/// What all sources of an import share.
struct Context {
    explicit Context(const image::ImportOptions& the_options, int output_fd)
        : options(the_options),
          budget(options.limits),
          output(output_fd),
          content(output, budget) {}

    image::ImportOptions options;
    Budget budget;
    Output output;
    ContentStream content;
    Tree tree;
    image::RunConfig run;
    std::uint64_t skipped_special = 0;
};

/// Whether a device node, FIFO or socket goes into the image; false: it is passed over. Errors:
/// EPERM, with the path and what would grant it.
Result<bool> admit_special(Context& context, std::string_view path, image::EntryType type);

/// Whether an extended attribute is one that images keep.
bool is_kept_xattr(std::string_view name, std::size_t value_size, image::EntryType type);

/// Sorts them and holds them to their number.
Result<void> set_xattrs(image::Entry& entry, std::vector<image::Xattr> xattrs);

}  // namespace shardrun::importer
