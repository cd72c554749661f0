#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <new>
#include <string_view>
#include <vector>

#include "base/fail.h"
#include "importer/context.h"
#include "importer/directory_source.h"
#include "importer/emit.h"
#include "importer/layout_files.h"
#include "importer/sandbox.h"
#include "importer/tar_source.h"
#include "sys/file_io.h"

/// shardrun-import: turns strangers' archives and directories into entries and contents, without
/// rights, files or network. Started by image::import_image, which says what it may grow to; see
/// image/import_options.h for its descriptors.
namespace shardrun::importer {
namespace {

Result<void> import_from_directory(Context& context) {
    const BrokerClient broker(image::kBrokerFd);
    DirectoryLayout layout(broker, context.budget);
    SR_TRY(const bool is_layout, layout.is_layout());
    if (is_layout) return import_oci_layout(context, layout);
    return import_directory(context, broker);
}

Result<void> import_from_archive(Context& context) {
    ArchiveLayout layout(image::kInputFd, context.budget);
    SR_TRY(const bool is_layout, layout.is_layout());
    if (is_layout) return import_oci_layout(context, layout);
    FdSource source(image::kInputFd, context.budget);
    SR_TRY(const std::unique_ptr<ArchiveReader> archive, ArchiveReader::open(source));
    return import_tar(context, *archive, TarMeaning::plain);
}

Result<void> import(Context& context) {
    SR_TRY(const struct stat status, sys::status_of(image::kInputFd));
    SR_DO(S_ISDIR(status.st_mode) ? import_from_directory(context) : import_from_archive(context));
    return emit_image(context);
}

Result<void> run(const std::vector<std::string_view>& arguments) {
    SR_TRY(const image::ImportOptions options, image::parse_import_arguments(arguments));
    SR_DO(enter_sandbox(options, image::kInputFd));
    Context context(options, image::kOutputFd);
    try {
        return import(context);
    } catch (const std::bad_alloc&) {
        return refuse(ENOMEM, "more than {} bytes of memory are needed; --max-memory allows more",
                      options.limits.memory_max_bytes);
    }
}

}  // namespace
}  // namespace shardrun::importer

namespace {

int import_and_tell(const std::vector<std::string_view>& arguments) {
    using namespace shardrun;
    try {
        const auto done = importer::run(arguments);
        if (done) return 0;
        // If that cannot be written either, the end of the output says it.
        return importer::Output(image::kOutputFd).write_refusal(done.error()) ? 0 : 1;
    } catch (const std::exception&) {
        return 1;  // Nothing throws across our rooms; memory is exhausted beyond telling.
    }
}

}  // namespace

int main(int argc, char** argv) {
    // Whoever started us may go; that is an error like others.
    (void)::signal(SIGPIPE, SIG_IGN);
    // No handlers at the end: there is nothing to put in order, and a leak checker would look into
    // /proc, which is out of reach.
    ::_exit(import_and_tell({argv + std::min(argc, 1), argv + argc}));
}
