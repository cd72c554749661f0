#include "cli/store_options.h"

#include <unistd.h>

#include <algorithm>

#include "base/fail.h"
#include "cli/output.h"
#include "image/image_index.h"
#include "image/stored_image.h"
#include "sys/staged_file.h"

namespace shardrun::cli {
namespace {

constexpr const char* kDefaultStore = "/var/lib/shardrun";

}  // namespace

void bind_store(OptionParser& parser, StoreOptions& options) {
    parser.text("--store", "DIR", options.store,
                "the store; by default /var/lib/shardrun, which is root's");
}

void bind_json(OptionParser& parser, StoreOptions& options) {
    parser.flag("--json", options.wants_json, "for programs");
}

Result<blob::Store> open_store(const StoreOptions& options, Missing when_missing) {
    const std::string path = options.store.value_or(kDefaultStore);
    auto store =
        when_missing == Missing::make ? blob::Store::open(path) : blob::Store::open_existing(path);
    if (!store && (store.error().code == EACCES || store.error().code == EPERM) && ::geteuid() != 0)
        return refuse(EACCES, "{}: use sudo, or '--store DIR' with a directory of your own",
                      store.error().message);
    return store;
}

Result<blob::Catalogue> open_index(const blob::Store& store) {
    auto catalogue = image::open_catalogue(store);
    if (catalogue && !catalogue->notice().empty()) complain(catalogue->notice());
    return catalogue;
}

Result<blob::Digest> find_blob(const blob::Store& store, const std::string& name_or_digest) {
    if (auto digest = blob::parse_digest(name_or_digest)) {
        SR_TRY(const std::optional<std::uint64_t> size, store.size_of(*digest));
        if (!size) return refuse(ENOENT, "the store has no blob {}", blob::to_hex(*digest));
        return digest;
    }
    return store.find_named(blob::RefKind::pin, name_or_digest);
}

Result<std::vector<std::string>> image_names(const blob::Store& store,
                                             const std::vector<blob::Digest>& manifests) {
    SR_TRY(const std::vector<blob::Ref> refs, store.list_refs(blob::RefKind::image));
    std::vector<std::string> names;
    for (const blob::Ref& ref : refs)
        if (std::ranges::find(manifests, ref.digest) != manifests.end()) names.push_back(ref.name);
    return names;
}

Result<blob::Store::SweepReport> sweep(const blob::Store& store, const blob::DigestSet* only,
                                       bool is_dry) {
    SR_TRY(const blob::Catalogue catalogue, open_index(store));
    // Of no session that lives: should we be killed on the way, the next one reads the disk again.
    const std::string change = "sweep-" + sys::unique_name();
    if (!is_dry) SR_DO(catalogue.begin_change(change));
    const auto mark = [&](blob::DigestSet& reachable) {
        return image::mark_images(store, reachable);
    };
    SR_TRY(blob::Store::SweepReport report,
           while_doing(store.sweep(mark, only, is_dry), "nothing was removed"));
    if (is_dry) return report;
    std::vector<blob::Digest> removed;
    removed.reserve(report.removed.size());
    for (const blob::StoredBlob& blob : report.removed) removed.push_back(blob.digest);
    SR_DO(catalogue.remove_blobs(removed));
    SR_DO(catalogue.end_change(change));
    return report;
}

}  // namespace shardrun::cli
