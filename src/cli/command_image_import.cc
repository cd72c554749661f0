#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "blob/session.h"
#include "cli/command.h"
#include "cli/image_commands.h"
#include "cli/message_json.h"
#include "cli/output.h"
#include "cli/program_places.h"
#include "cli/progress_bar.h"
#include "cli/quantity.h"
#include "cli/store_options.h"
#include "cli/words.h"
#include "image/image_index.h"
#include "image/import.h"

/// `shardrun image import`.
namespace shardrun::cli {
namespace {

struct Options : StoreOptions {
    std::optional<std::string> name, platform, reference, special, user;
    std::optional<std::string> entries_max, size_max, ratio_max, depth_max, name_max, layers_max,
        memory_max;
    bool without_blobs = false;
    std::vector<std::string> paths;
};

constexpr std::uint64_t kMemoryMin = std::uint64_t{64} << 20U;
constexpr std::uint64_t kUidMax = 0xfffffffe;

Result<void> set_count(const std::optional<std::string>& text, const char* option,
                       std::uint64_t min, std::uint64_t max, std::uint64_t& value) {
    if (!text) return {};
    SR_TRY(value, while_doing(parse_count(*text, min, max), "{}", option));
    return {};
}

Result<void> set_size(const std::optional<std::string>& text, const char* option,
                      std::uint64_t& value) {
    if (!text) return {};
    SR_TRY(value, while_doing(parse_size(*text), "{}", option));
    return {};
}

Result<image::SpecialFiles> parse_special(const std::string& text) {
    if (text == "refuse") return image::SpecialFiles::refuse;
    if (text == "skip") return image::SpecialFiles::skip;
    if (text == "keep") return image::SpecialFiles::keep;
    return refuse(EINVAL, "--special: '{}' is none of refuse, skip and keep", text);
}

Result<image::ImportOptions> plan_import(const Options& options) {
    image::ImportOptions plan;
    image::ImportLimits& limits = plan.limits;
    SR_DO(
        set_count(options.entries_max, "--max-entries", 1, image::kEntriesMax, limits.entries_max));
    SR_DO(set_size(options.size_max, "--max-size", limits.bytes_max));
    SR_DO(set_count(options.ratio_max, "--max-ratio", 1, 1'000'000'000, limits.ratio_max));
    SR_DO(set_count(options.depth_max, "--max-depth", 1, 2048, limits.depth_max));
    SR_DO(set_count(options.name_max, "--max-name", 1, 255, limits.name_max));
    SR_DO(set_count(options.layers_max, "--max-layers", 1, 4096, limits.layers_max));
    SR_DO(set_size(options.memory_max, "--max-memory", limits.memory_max_bytes));
    if (limits.memory_max_bytes < kMemoryMin)
        return refuse(ERANGE, "--max-memory: less than 64 MiB is too little to start with");
    if (options.special) {
        SR_TRY(plan.special, parse_special(*options.special));
    }
    std::uint64_t uid = plan.uid;
    SR_DO(set_count(options.user, "--user", 1, kUidMax, uid));
    plan.uid = static_cast<std::uint32_t>(uid);
    plan.platform = options.platform.value_or("");
    plan.reference = options.reference.value_or("");
    return plan;
}

/// "app" of "./images/app.tar.gz" and of "app/".
std::string default_name(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    std::string name = path.substr(path.rfind('/') + 1);
    const std::size_t tar = name.find(".tar");
    if (tar != std::string::npos && tar > 0) name.resize(tar);
    for (const char* const ending : {".tgz", ".txz", ".tzst", ".oci"})
        if (name.ends_with(ending)) name.resize(name.size() - std::string_view(ending).size());
    return name;
}

Result<std::string> choose_name(const Options& options) {
    std::string name = options.name.value_or(default_name(options.paths.front()));
    const Result<void> checked = blob::Store::check_ref_name(name);
    if (!checked && !options.name)
        return refuse(EINVAL, "'{}' gives no name for the image: give one with --name",
                      options.paths.front());
    SR_DO(checked);
    return name;
}

Result<UniqueFd> open_input(const std::string& path) {
    UniqueFd fd(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                            : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_errno("open '{}'", path);
    return fd;
}

std::string absolute(const std::string& path) {
    if (path == "-") return "standard input";
    char* const resolved = ::realpath(path.c_str(), nullptr);
    std::string text = resolved != nullptr ? resolved : path;
    std::free(resolved);  // NOLINT(cppcoreguidelines-no-malloc): realpath(3) allocated it.
    return text;
}

std::string told(const std::string& name, const image::ImportedImage& imported,
                 const blob::Session& session, const Options& options) {
    const image::Manifest& manifest = imported.manifest;
    if (options.wants_json) {
        const nlohmann::ordered_json json{{"name", name},
                                          {"digest", blob::to_hex(imported.blob.digest)},
                                          {"entries", manifest.entries().size()},
                                          {"files", manifest.file_count()},
                                          {"size_bytes", manifest.content_bytes()},
                                          {"edges", manifest.edges().size()},
                                          {"new_blobs", session.new_count()},
                                          {"new_bytes", session.new_bytes()},
                                          {"notes", imported.notes}};
        return dump(json, true);
    }
    if (!is_for_people()) return fmt::format("{}\t{}\n", name, blob::to_hex(imported.blob.digest));
    return fmt::format("image '{}': {} entries, {} files, {}; new: {} blobs, {}\n", name,
                       manifest.entries().size(), manifest.file_count(),
                       size_text(manifest.content_bytes()), session.new_count(),
                       size_text(session.new_bytes()));
}

Result<std::string> import_and_name(const Options& options, const std::string& name,
                                    const image::ImportOptions& plan) {
    const std::string& path = options.paths.front();
    SR_TRY(UniqueFd input, open_input(path));
    SR_TRY(std::string helper, find_program("shardrun-import"));
    SR_TRY(const blob::Store store, open_store(options, Missing::make));
    SR_TRY(const blob::Catalogue catalogue, open_index(store));
    SR_TRY(blob::Session session, store.begin_session());
    SR_DO(catalogue.begin_change(session.name()));
    ProgressBar bar;
    const auto show = [&](const image::ImportProgress& now) {
        const bool knows_total = now.input_size != 0 && now.input_bytes <= now.input_size;
        bar.show({"importing", knows_total ? now.input_bytes : now.content_bytes,
                  knows_total ? now.input_size : 0, fmt::format("{} files", now.content_count)});
    };
    auto result = while_doing(image::import_image(session, {std::move(input), std::move(helper),
                                                            plan, show, !options.without_blobs}),
                              "import '{}'", path);
    if (!result && result.error().code == EACCES && ::geteuid() != 0)
        return refuse(EACCES, "{}: sudo reads what you may not", result.error().message);
    SR_TRY(const image::ImportedImage imported, std::move(result));
    // The name comes last: whatever ends us before, there is no half of an image.
    SR_DO(store.set_ref(blob::RefKind::image, name, imported.blob.digest));
    SR_DO(image::index_image(
        catalogue, imported.manifest, imported.blob, absolute(path), image::wall_time_now(),
        options.without_blobs ? image::Content::elsewhere : image::Content::stored));
    SR_DO(catalogue.end_change(session.name()));
    for (const std::string& note : imported.notes) complain(note);
    return told(name, imported, session, options);
}

void bind(OptionParser& parser, Options& options) {
    parser.text("--name", "NAME", options.name, "the image's name; by default that of PATH");
    parser.flag("--without-blobs", options.without_blobs,
                "keep no files: they come from the origins when they are opened");
    parser.text("--platform", "OS/ARCH", options.platform,
                "of an OCI layout's images, the one for OS/ARCH[/VARIANT]; by default this "
                "machine's");
    parser.text("--reference", "NAME", options.reference,
                "of an OCI layout's images, the one that it calls NAME");
    parser.text("--special", "WHAT", options.special,
                "device nodes, FIFOs and sockets: refuse (the default), skip, or keep");
    parser.text("--max-entries", "N", options.entries_max, "at most N paths (1000000)");
    parser.text("--max-size", "SIZE", options.size_max, "at most SIZE bytes in all files (64G)");
    parser.text("--max-ratio", "N", options.ratio_max,
                "at most N bytes unpacked for each byte of the archive (1000)");
    parser.text("--max-depth", "N", options.depth_max, "at most N names in a path (128)");
    parser.text("--max-name", "N", options.name_max, "at most N bytes in a name (255)");
    parser.text("--max-layers", "N", options.layers_max, "at most N layers (256)");
    parser.text("--max-memory", "SIZE", options.memory_max,
                "memory of the process that unpacks (2G)");
    parser.text("--user", "UID", options.user,
                "its user, when root starts it (65534, which is nobody)");
    bind_store(parser, options);
    bind_json(parser, options);
    parser.operands("PATH", options.paths, 1, 1);
}

}  // namespace

int image_import_command(const Arguments& arguments) {
    Options options;
    OptionParser parser(
        {"image import", "[OPTION]... PATH",
         "Takes in a directory, a tar archive in any usual compression ('-': from standard input), "
         "or an\nOCI image layout, as a directory or a tar archive. It is read by a process "
         "without "
         "rights.",
         "  sudo shardrun image import --name app ./app.tar.zst\n"
         "  shardrun image import --store ~/images --reference 3.12 ./python-oci\n"
         "  sudo shardrun image import --without-blobs --name app ./app.tar.zst\n"});
    bind(parser, options);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    const auto name = choose_name(options);
    const auto plan = plan_import(options);
    if (!name || !plan) {
        complain(!name ? name.error().message : plan.error().message);
        return kUsage;
    }
    return finish_with(import_and_name(options, *name, *plan));
}

}  // namespace shardrun::cli
