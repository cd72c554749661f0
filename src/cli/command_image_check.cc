#include <algorithm>
#include <map>
#include <set>

#include "base/fail.h"
#include "cli/command.h"
#include "cli/image_commands.h"
#include "cli/image_view.h"
#include "cli/output.h"
#include "cli/progress_bar.h"
#include "cli/store_options.h"
#include "cli/words.h"
#include "image/image_index.h"
#include "image/stored_image.h"

/// `shardrun image verify`, `gc` and `rm`: what keeps a store sound and small.
namespace shardrun::cli {
namespace {

struct Options : StoreOptions {
    bool is_dry = false;
    bool allows_missing = false;
    std::vector<std::string> images;
};

/// What an image is made of, as far as that can still be read.
Result<std::vector<blob::StoredBlob>> blobs_of(const blob::Store& store,
                                               const blob::Digest& digest) {
    std::vector<blob::StoredBlob> blobs{{digest, 0}};
    const auto manifest = image::load_manifest(store, digest);
    if (!manifest) return blobs;
    std::set<blob::Digest> seen;
    for (const image::Entry& entry : manifest->entries())
        if (entry.type == image::EntryType::file && seen.insert(entry.digest).second)
            blobs.push_back({entry.digest, entry.size_bytes});
    return blobs;
}

using UsersOf = std::map<blob::Digest, std::set<std::string>>;

/// What there is to be verified, and which images need what.
struct Duty {
    std::map<blob::Digest, std::uint64_t> blobs;
    UsersOf users;
};

Result<Duty> find_duty(const blob::Store& store, const std::vector<std::string>& images) {
    Duty duty;
    SR_TRY(const std::vector<blob::Ref> refs, store.list_refs(blob::RefKind::image));
    for (const std::string& name : images) SR_DO(store.find_named(blob::RefKind::image, name));
    for (const blob::Ref& ref : refs) {
        if (!images.empty() && std::ranges::find(images, ref.name) == images.end()) continue;
        SR_TRY(const std::vector<blob::StoredBlob> blobs, blobs_of(store, ref.digest));
        for (const blob::StoredBlob& blob : blobs) {
            duty.blobs[blob.digest] = blob.size_bytes;
            duty.users[blob.digest].insert(ref.name);
        }
    }
    if (!images.empty()) return duty;
    SR_TRY(const std::vector<blob::StoredBlob> all, store.list_blobs());
    for (const blob::StoredBlob& blob : all) duty.blobs[blob.digest] = blob.size_bytes;
    SR_TRY(const std::vector<blob::Ref> pins, store.list_refs(blob::RefKind::pin));
    for (const blob::Ref& pin : pins) duty.blobs.try_emplace(pin.digest, 0);
    return duty;
}

struct Findings {
    std::vector<DamagedBlob> damaged;
    std::vector<blob::Digest> elsewhere;  ///< missing, and that is all right
    std::vector<blob::Digest> sound;
    std::uint64_t checked_bytes = 0;
};

Result<Findings> verify_all(const blob::Store& store, Duty& duty, bool allows_missing) {
    ProgressBar bar;
    std::uint64_t total = 0;
    for (const auto& [digest, size] : duty.blobs) total += size;
    Findings findings;
    for (const auto& [digest, size] : duty.blobs) {
        bar.show({"verifying", findings.checked_bytes, total,
                  fmt::format("{} damaged", findings.damaged.size())});
        SR_TRY(const blob::Store::Health health, store.verify_blob(digest));
        if (health != blob::Store::Health::missing) findings.checked_bytes += size;
        if (health == blob::Store::Health::sound) {
            findings.sound.push_back(digest);
            continue;
        }
        if (health == blob::Store::Health::missing && allows_missing) {
            findings.elsewhere.push_back(digest);
            continue;
        }
        const std::set<std::string>& users = duty.users[digest];
        findings.damaged.push_back(
            {digest, health == blob::Store::Health::missing, {users.begin(), users.end()}});
    }
    return findings;
}

Result<void> remember(const blob::Store& store, const Findings& findings) {
    SR_TRY(const blob::Catalogue catalogue, open_index(store));
    std::vector<blob::Digest> gone = findings.elsewhere;
    gone.reserve(gone.size() + findings.damaged.size());
    for (const DamagedBlob& blob : findings.damaged) gone.push_back(blob.digest);
    SR_DO(catalogue.remove_blobs(gone));
    return catalogue.set_verified(findings.sound, image::wall_time_now());
}

std::string sound_text(const Findings& findings) {
    const std::string text = fmt::format("{} blobs, {}: all sound", findings.sound.size(),
                                         size_text(findings.checked_bytes));
    if (findings.elsewhere.empty()) return text + "\n";
    return text + fmt::format("; {} are not here\n", findings.elsewhere.size());
}

Result<int> verify(const Options& options) {
    SR_TRY(const blob::Store store, open_store(options, Missing::refuse));
    SR_TRY(Duty duty, find_duty(store, options.images));
    SR_TRY(const Findings findings, verify_all(store, duty, options.allows_missing));
    SR_DO(remember(store, findings));
    const bool is_sound = findings.damaged.empty();
    if (options.wants_json)
        SR_DO(print(damage_json(findings.damaged, duty.blobs.size(), findings.checked_bytes)));
    else if (is_sound && is_for_people())
        SR_DO(print(sound_text(findings)));
    else
        SR_DO(print(render_damage(findings.damaged, is_for_people())));
    if (!is_sound)
        complain(fmt::format(
            "{} of {} blobs are damaged or missing: import their images again, or, of those that "
            "come from store.origins, say --allow-missing",
            findings.damaged.size(), duty.blobs.size()));
    return is_sound ? kSuccess : kFailure;
}

Result<std::string> collect(const Options& options) {
    SR_TRY(const blob::Store store, open_store(options, Missing::refuse));
    SR_TRY(const blob::Store::SweepReport report, sweep(store, nullptr, options.is_dry));
    return options.wants_json ? sweep_json(report, options.is_dry)
                              : sweep_text(report, options.is_dry);
}

Result<std::string> remove(const Options& options) {
    SR_TRY(const blob::Store store, open_store(options, Missing::refuse));
    blob::DigestSet only;
    for (const std::string& name : options.images) {
        SR_TRY(const blob::Digest digest, store.find_named(blob::RefKind::image, name));
        SR_TRY(const std::vector<blob::StoredBlob> blobs, blobs_of(store, digest));
        for (const blob::StoredBlob& blob : blobs) only.insert(blob.digest);
        SR_DO(store.remove_ref(blob::RefKind::image, name));
    }
    SR_TRY(const blob::Store::SweepReport report, sweep(store, &only, false));
    if (options.wants_json) return sweep_json(report, false);
    return is_for_people() ? fmt::format("removed {} blobs, {}\n", report.removed.size(),
                                         size_text(report.removed_bytes))
                           : "";
}

}  // namespace

int image_verify_command(const Arguments& arguments) {
    Options options;
    OptionParser parser(
        {"image verify", "[OPTION]... [IMAGE]...",
         "Reads all blobs of the store, or of these images, and sets aside those whose bytes are "
         "not what\ntheir names say. Status 1: something is damaged or missing; importing again "
         "brings it back.",
         "  sudo shardrun image verify\n"});
    parser.flag("--allow-missing", options.allows_missing,
                "what is not there is not damaged: it comes from the origins");
    bind_store(parser, options);
    bind_json(parser, options);
    parser.operands("IMAGE", options.images, 0, 10'000);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    const Result<int> verdict = verify(options);
    if (verdict) return *verdict;
    complain(verdict.error().message);
    return kFailure;
}

int image_gc_command(const Arguments& arguments) {
    Options options;
    OptionParser parser({"image gc", "[OPTION]...",
                         "Removes every blob that no image and no name needs, and that no running "
                         "import uses.",
                         "  shardrun image gc --dry-run\n"});
    parser.flag("--dry-run", options.is_dry, "only say what would go");
    bind_store(parser, options);
    bind_json(parser, options);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(collect(options));
}

int image_remove_command(const Arguments& arguments) {
    Options options;
    OptionParser parser({"image rm", "[OPTION]... IMAGE...",
                         "Removes images, and the blobs that nothing else needs.",
                         "  shardrun image rm app\n"});
    bind_store(parser, options);
    bind_json(parser, options);
    parser.operands("IMAGE", options.images, 1, 10'000);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(remove(options));
}

}  // namespace shardrun::cli
