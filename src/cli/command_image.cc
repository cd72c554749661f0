#include <array>

#include "cli/image_commands.h"
#include "cli/subcommand.h"

/// `shardrun image`, in the program shardrun-store.
namespace shardrun::cli {
namespace {

constexpr std::array<Command, 7> kCommands{{
    {"import", "take in a directory, a tar archive or an OCI image layout", image_import_command},
    {"ls", "list images", image_list_command},
    {"inspect", "show what an image is", image_inspect_command},
    {"export", "write an image as a tar archive", image_export_command},
    {"rm", "remove images and what only they needed", image_remove_command},
    {"verify", "read everything and set aside what has rotted", image_verify_command},
    {"gc", "remove what nothing needs", image_gc_command},
}};

}  // namespace

int image_here(const Arguments& arguments) {
    return run_group(
        {"image", "Images: file systems by content, from which shards can run programs.", kCommands,
         "  sudo shardrun image import --name app ./app.tar.zst\n"
         "  shardrun image import --store ~/images ./rootfs\n"},
        arguments);
}

}  // namespace shardrun::cli
