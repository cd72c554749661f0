#include <unistd.h>

#include "base/fail.h"
#include "cli/command.h"
#include "cli/image_commands.h"
#include "cli/image_view.h"
#include "cli/output.h"
#include "cli/progress_bar.h"
#include "cli/store_options.h"
#include "image/export.h"
#include "image/stored_image.h"
#include "sys/staged_file.h"

/// `shardrun image ls`, `inspect` and `export`.
namespace shardrun::cli {
namespace {

Result<std::string> list(const StoreOptions& options) {
    SR_TRY(const blob::Store store, open_store(options, Missing::refuse));
    SR_TRY(const blob::Catalogue catalogue, open_index(store));
    SR_TRY(const std::vector<blob::Ref> refs, store.list_refs(blob::RefKind::image));
    std::vector<ImageLine> images;
    for (const blob::Ref& ref : refs) {
        SR_TRY(std::optional<blob::ManifestRow> row, catalogue.find_manifest(ref.digest));
        images.push_back({ref.name, ref.digest, std::move(row)});
    }
    return options.wants_json ? images_json(images) : render_images(images, is_for_people());
}

struct Inspect : StoreOptions, InspectOptions {
    std::vector<std::string> images;
};

Result<std::string> inspect(const Inspect& options) {
    const std::string& name = options.images.front();
    SR_TRY(const blob::Store store, open_store(options, Missing::refuse));
    SR_TRY(const blob::Digest digest, store.find_named(blob::RefKind::image, name));
    SR_TRY(const image::Manifest manifest,
           while_doing(image::load_manifest(store, digest), "image '{}'", name));
    const InspectedImage inspected{name, digest, manifest};
    return options.wants_json ? image_json(inspected, options)
                              : render_image(inspected, options, is_for_people());
}

struct Export : StoreOptions {
    std::optional<std::string> output;
    std::vector<std::string> images;
};

Result<void> export_to(const blob::Store& store, const image::Manifest& manifest, int fd) {
    ProgressBar bar;
    const std::uint64_t total = manifest.content_bytes();
    const auto show = [&](std::uint64_t done) { bar.show({"exporting", done, total, ""}); };
    SR_TRY(const image::ExportReport report, image::export_tar(store, manifest, fd, show));
    if (report.skipped_count > 0)
        complain(fmt::format("{} sockets were left out: a tar archive has no place for them",
                             report.skipped_count));
    return {};
}

Result<std::string> export_image(const Export& options) {
    SR_TRY(const blob::Store store, open_store(options, Missing::refuse));
    SR_TRY(const blob::Digest digest,
           store.find_named(blob::RefKind::image, options.images.front()));
    SR_TRY(const image::Manifest manifest,
           while_doing(image::load_manifest(store, digest), "image '{}'", options.images.front()));
    if (!options.output) {
        SR_DO(export_to(store, manifest, STDOUT_FILENO));
        return "";
    }
    // It appears when it is complete, or not at all.
    const std::string& path = *options.output;
    const std::size_t slash = path.rfind('/');
    SR_TRY(const sys::Directory folder,
           sys::Directory::open(slash == path.npos ? "." : path.substr(0, slash + 1)));
    SR_TRY(const sys::StagedFile file, sys::StagedFile::create(folder, 0644));
    SR_DO(export_to(store, manifest, file.fd()));
    SR_DO(file.replace(folder, path.substr(slash == path.npos ? 0 : slash + 1)));
    return "";
}

}  // namespace

int image_list_command(const Arguments& arguments) {
    StoreOptions options;
    OptionParser parser({"image ls", "[OPTION]...", "Lists the images of the store.",
                         "  shardrun image ls --store ~/images\n"});
    bind_store(parser, options);
    bind_json(parser, options);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(list(options));
}

int image_inspect_command(const Arguments& arguments) {
    Inspect options;
    OptionParser parser(
        {"image inspect", "[OPTION]... IMAGE",
         "Shows what an image is: its entries by type, its files by kind, its static prior by "
         "reason, how\nits maker wanted it to be run.",
         "  shardrun image inspect app --entries\n"
         "  shardrun image inspect app --prior --json | jq '.edges[] | select(.reason == "
         "\"library\")'\n"});
    parser.flag("--entries", options.shows_entries, "show every entry");
    parser.flag("--prior", options.shows_prior, "show which file is likely opened after which");
    bind_store(parser, options);
    bind_json(parser, options);
    parser.operands("IMAGE", options.images, 1, 1);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(inspect(options));
}

int image_export_command(const Arguments& arguments) {
    Export options;
    OptionParser parser({"image export", "[OPTION]... IMAGE",
                         "Writes an image as a tar archive (pax) to standard output, or to a file "
                         "that appears when it is\ncomplete. Every file is verified on the way.",
                         "  shardrun image export app | tar -x -C rootfs\n"});
    parser.text("--output", "FILE", options.output, "write to FILE");
    bind_store(parser, options);
    parser.operands("IMAGE", options.images, 1, 1);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    if (!options.output && is_for_people()) {
        complain("a tar archive is nothing for a terminal: give --output FILE, or a pipe");
        return kUsage;
    }
    return finish_with(export_image(options));
}

}  // namespace shardrun::cli
