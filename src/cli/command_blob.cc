#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <map>

#include "base/fail.h"
#include "blob/session.h"
#include "cli/blob_view.h"
#include "cli/output.h"
#include "cli/progress_bar.h"
#include "cli/store_options.h"
#include "cli/subcommand.h"
#include "image/image_index.h"
#include "sys/file_io.h"
#include "sys/staged_file.h"

/// `shardrun blob`: single blobs of the store.
namespace shardrun::cli {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} * 1024;

struct PutOptions : StoreOptions {
    std::optional<std::string> name;
    std::vector<std::string> files;
};

Result<UniqueFd> open_input(const std::string& path) {
    UniqueFd fd(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                            : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_errno("open '{}'", path);
    SR_TRY(const struct stat status, sys::status_of(fd.get()));
    if (S_ISDIR(status.st_mode))
        return refuse(EISDIR, "'{}' is a directory: 'shardrun image import' takes those", path);
    return fd;
}

Result<blob::StoredBlob> put_file(blob::Session& session, const std::string& path) {
    SR_TRY(const UniqueFd fd, open_input(path));
    SR_TRY(const struct stat status, sys::status_of(fd.get()));
    const auto total = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    ProgressBar bar;
    blob::StagedBlob blob = session.stage();
    std::vector<std::byte> buffer(kBufferSize);
    while (true) {
        SR_TRY(const std::size_t size,
               while_doing(sys::read_some(fd.get(), buffer), "read '{}'", path));
        if (size == 0) break;
        SR_DO(blob.append(std::span(buffer).first(size)));
        bar.show({"storing", blob.size_bytes(), total, path});
    }
    return session.add(std::move(blob));
}

Result<std::string> put(const PutOptions& options) {
    if (options.name) SR_DO(blob::Store::check_ref_name(*options.name));
    SR_TRY(const blob::Store store, open_store(options, Missing::make));
    SR_TRY(const blob::Catalogue catalogue, open_index(store));
    SR_TRY(blob::Session session, store.begin_session());
    SR_DO(catalogue.begin_change(session.name()));
    std::string text;
    std::vector<blob::StoredBlob> blobs;
    for (const std::string& path : options.files) {
        SR_TRY(const blob::StoredBlob blob, put_file(session, path));
        blobs.push_back(blob);
        text += blob::to_hex(blob.digest) + "\n";
    }
    SR_DO(session.flush());
    for (const blob::StoredBlob& blob : blobs)
        SR_DO(store.set_ref(blob::RefKind::pin, options.name.value_or(blob::to_hex(blob.digest)),
                            blob.digest));
    SR_DO(catalogue.add_blobs(blobs, image::wall_time_now()));
    SR_DO(catalogue.end_change(session.name()));
    return text;
}

int put_command(const Arguments& arguments) {
    PutOptions options;
    OptionParser parser(
        {"blob put", "[OPTION]... FILE...",
         "Stores files as blobs and prints their digests, one a line. '-' is standard input. A "
         "blob\nstays until 'shardrun blob rm'.",
         "  shardrun blob put --name model weights.bin\n  producer | shardrun blob put -\n"});
    bind_store(parser, options);
    parser.text("--name", "NAME", options.name, "the blob's name; by default its digest");
    parser.operands("FILE", options.files, 1, 10'000);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    if (options.name && options.files.size() > 1) {
        complain("--name names one blob, and there are several files: put them one by one");
        return kUsage;
    }
    return finish_with(put(options));
}

struct GetOptions : StoreOptions {
    std::optional<std::string> output;
    std::vector<std::string> blobs;
};

/// Copies the blob and says whether what was copied is what it should be.
Result<void> copy_verified(const blob::Store& store, const blob::Digest& digest, int to) {
    SR_TRY(const blob::OpenBlob blob, store.open_blob(digest));
    ProgressBar bar;
    blob::Hasher hasher;
    std::vector<std::byte> buffer(kBufferSize);
    std::uint64_t done = 0;
    while (true) {
        SR_TRY(const std::size_t size, sys::read_some(blob.fd.get(), buffer));
        if (size == 0) break;
        const auto bytes = std::span<const std::byte>(buffer).first(size);
        hasher.update(bytes);
        SR_DO(sys::write_all(to, bytes));
        bar.show({"reading", done += size, blob.size_bytes, ""});
    }
    if (hasher.finish() != digest)
        return refuse(EBADMSG,
                      "blob {} does not have the bytes that its name says: 'shardrun image verify' "
                      "sets it aside, putting it again brings it back",
                      blob::to_hex(digest));
    return {};
}

/// To standard output nothing wrong may go: what is read is verified before, too.
Result<std::string> print_blob(const blob::Store& store, const blob::Digest& digest) {
    SR_TRY(const blob::Store::Health health, store.verify_blob(digest));
    if (health != blob::Store::Health::sound)
        return refuse(EBADMSG, "blob {} was damaged and is set aside: put it again",
                      blob::to_hex(digest));
    SR_DO(copy_verified(store, digest, STDOUT_FILENO));
    return "";
}

/// A file appears when it is complete, or not at all.
Result<std::string> write_blob(const blob::Store& store, const blob::Digest& digest,
                               const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
    SR_TRY(const sys::Directory directory, sys::Directory::open(folder));
    SR_TRY(const sys::StagedFile file, sys::StagedFile::create(directory, 0644));
    SR_DO(copy_verified(store, digest, file.fd()));
    SR_DO(file.replace(directory, path.substr(slash == path.npos ? 0 : slash + 1)));
    return "";
}

Result<std::string> get(const GetOptions& options) {
    SR_TRY(const blob::Store store, open_store(options, Missing::refuse));
    SR_TRY(const blob::Digest digest, find_blob(store, options.blobs.front()));
    return options.output ? write_blob(store, digest, *options.output) : print_blob(store, digest);
}

int get_command(const Arguments& arguments) {
    GetOptions options;
    OptionParser parser({"blob get", "[OPTION]... BLOB",
                         "Writes a blob, by name or digest, to standard output, or to a file that "
                         "appears when it is\ncomplete. No byte of a damaged blob is written.",
                         "  shardrun blob get model --output weights.bin\n"});
    bind_store(parser, options);
    parser.text("--output", "FILE", options.output, "write to FILE");
    parser.operands("BLOB", options.blobs, 1, 1);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(get(options));
}

Result<std::string> list(const StoreOptions& options) {
    SR_TRY(const blob::Store store, open_store(options, Missing::refuse));
    SR_TRY(const blob::Catalogue catalogue, open_index(store));
    SR_TRY(const std::vector<blob::BlobRow> rows, catalogue.list_blobs());
    SR_TRY(const std::vector<blob::Ref> pins, store.list_refs(blob::RefKind::pin));
    std::map<blob::Digest, std::vector<std::string>> names;
    for (const blob::Ref& pin : pins)
        if (pin.name != blob::to_hex(pin.digest)) names[pin.digest].push_back(pin.name);
    std::vector<BlobLine> lines;
    lines.reserve(rows.size());
    for (const blob::BlobRow& row : rows) lines.push_back({row, names[row.digest]});
    return options.wants_json ? blobs_json(lines) : render_blobs(lines, is_for_people());
}

int list_command(const Arguments& arguments) {
    StoreOptions options;
    OptionParser parser({"blob ls", "[OPTION]...",
                         "Lists the blobs of the store: how many images use each, when it was last "
                         "verified, its names.",
                         "  shardrun blob ls\n  shardrun blob ls --json | jq '.[].size_bytes'\n"});
    bind_store(parser, options);
    bind_json(parser, options);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(list(options));
}

struct RemoveOptions : StoreOptions {
    std::vector<std::string> blobs;
};

Result<void> remove_pins(const blob::Store& store, const std::string& name_or_digest,
                         const blob::Digest& digest) {
    if (!blob::parse_digest(name_or_digest)) {
        SR_DO(store.remove_ref(blob::RefKind::pin, name_or_digest));
        return {};
    }
    SR_TRY(const std::vector<blob::Ref> pins, store.list_refs(blob::RefKind::pin));
    for (const blob::Ref& pin : pins)
        if (pin.digest == digest) SR_DO(store.remove_ref(blob::RefKind::pin, pin.name));
    return {};
}

Result<std::string> remove_one(const blob::Store& store, const std::string& name) {
    SR_TRY(const blob::Digest digest, find_blob(store, name));
    SR_DO(remove_pins(store, name, digest));
    const blob::DigestSet only{digest};
    SR_TRY(const blob::Store::SweepReport report, sweep(store, &only, false));
    if (!report.removed.empty() || !blob::parse_digest(name)) return "";
    SR_TRY(const blob::Catalogue catalogue, open_index(store));
    SR_TRY(std::vector<blob::Digest> users, catalogue.users_of(digest));
    users.push_back(digest);
    SR_TRY(const std::vector<std::string> images, image_names(store, users));
    return refuse(EBUSY, "blob {} is still needed{}", name,
                  images.empty()
                      ? std::string(" by an import that runs")
                      : fmt::format(" by the images {}: 'shardrun image rm' removes them",
                                    fmt::join(images, ", ")));
}

Result<std::string> remove(const RemoveOptions& options) {
    SR_TRY(const blob::Store store, open_store(options, Missing::refuse));
    for (const std::string& name : options.blobs) SR_DO(remove_one(store, name));
    return "";
}

int remove_command(const Arguments& arguments) {
    RemoveOptions options;
    OptionParser parser(
        {"blob rm", "[OPTION]... BLOB...",
         "Removes names of blobs, and each blob that nothing needs any more. By its "
         "digest a blob\nloses all its names.",
         "  shardrun blob rm model\n"});
    bind_store(parser, options);
    parser.operands("BLOB", options.blobs, 1, 10'000);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(remove(options));
}

constexpr std::array<Command, 4> kCommands{{
    {"put", "store files as blobs", put_command},
    {"get", "write a blob to a file or to standard output", get_command},
    {"ls", "list blobs", list_command},
    {"rm", "remove blobs", remove_command},
}};

}  // namespace

int blob_here(const Arguments& arguments) {
    return run_group({"blob", "Single blobs of the store, by name or SHA-256 digest.", kCommands,
                      "  shardrun blob put --name model weights.bin\n"
                      "  shardrun blob get model --output weights.bin\n"},
                     arguments);
}

}  // namespace shardrun::cli
