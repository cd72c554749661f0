#include "cli/image_view.h"

#include <fmt/ranges.h>

#include <map>
#include <nlohmann/json.hpp>

#include "cli/blob_view.h"
#include "cli/message_json.h"
#include "cli/table.h"
#include "cli/words.h"

namespace shardrun::cli {
namespace {

using image::Entry;
using image::EntryType;
using Json = nlohmann::ordered_json;

constexpr std::size_t kShortDigest = 12;

std::string count_text(std::uint64_t bytes, bool for_people) {
    return for_people ? size_text(bytes) : fmt::format("{}", bytes);
}

char type_letter(EntryType type) {
    switch (type) {
        case EntryType::directory:
            return 'd';
        case EntryType::symlink:
            return 'l';
        case EntryType::char_device:
            return 'c';
        case EntryType::block_device:
            return 'b';
        case EntryType::fifo:
            return 'p';
        case EntryType::socket:
            return 's';
        case EntryType::file:
        case EntryType::hard_link:
            break;
    }
    return '-';
}

/// A hard link's attributes are those of its file.
const Entry& attributes_of(const image::Manifest& manifest, const Entry& entry) {
    return entry.type == EntryType::hard_link ? manifest.entries()[entry.link_to] : entry;
}

std::string shown_path(const image::Manifest& manifest, const Entry& entry) {
    if (entry.type == EntryType::symlink) return fmt::format("/{} -> {}", entry.path, entry.target);
    if (entry.type == EntryType::hard_link)
        return fmt::format("/{} = /{}", entry.path, manifest.entries()[entry.link_to].path);
    return "/" + entry.path;
}

std::string entries_table(const image::Manifest& manifest, bool for_people) {
    Table table({"MODE", "OWNER", "SIZE", "KIND", "PATH"});
    for (const Entry& entry : manifest.entries()) {
        const Entry& from = attributes_of(manifest, entry);
        const bool is_file = from.type == EntryType::file;
        table.add({mode_text(from), fmt::format("{}:{}", from.uid, from.gid),
                   is_file ? count_text(from.size_bytes, for_people) : "",
                   is_file ? std::string(image::name_of(from.kind)) : "",
                   shown_path(manifest, entry)});
    }
    return table.render(for_people);
}

std::string prior_table(const image::Manifest& manifest, bool for_people) {
    Table table({"FROM", "REASON", "TO"});
    for (const image::Edge& edge : manifest.edges())
        table.add({"/" + manifest.entries()[edge.from].path,
                   std::string(image::name_of(edge.reason)),
                   "/" + manifest.entries()[edge.to].path});
    return table.render(for_people);
}

struct Sum {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
};

std::map<std::string, Sum> sums_of_kinds(const image::Manifest& manifest) {
    std::map<std::string, Sum> sums;
    for (const Entry& entry : manifest.entries()) {
        if (entry.type != EntryType::file) continue;
        Sum& sum = sums[std::string(image::name_of(entry.kind))];
        ++sum.count;
        sum.bytes += entry.size_bytes;
    }
    return sums;
}

std::map<std::string, std::uint64_t> counts_of_types(const image::Manifest& manifest) {
    std::map<std::string, std::uint64_t> counts;
    for (const Entry& entry : manifest.entries()) ++counts[std::string(image::name_of(entry.type))];
    return counts;
}

std::map<std::string, std::uint64_t> counts_of_reasons(const image::Manifest& manifest) {
    std::map<std::string, std::uint64_t> counts;
    for (const image::Edge& edge : manifest.edges())
        ++counts[std::string(image::name_of(edge.reason))];
    return counts;
}

std::string summary_table(const InspectedImage& image, bool for_people) {
    const image::Manifest& manifest = image.manifest;
    Table table({"FIELD", "VALUE"});
    table.add({"name", image.name});
    table.add({"digest", blob::to_hex(image.digest)});
    table.add({"size", count_text(manifest.content_bytes(), for_people)});
    for (const auto& [type, count] : counts_of_types(manifest))
        table.add({"entries: " + type, fmt::format("{}", count)});
    for (const auto& [kind, sum] : sums_of_kinds(manifest))
        table.add({"files: " + kind,
                   fmt::format("{}, {}", sum.count, count_text(sum.bytes, for_people))});
    for (const auto& [reason, count] : counts_of_reasons(manifest))
        table.add({"prior: " + reason, fmt::format("{}", count)});
    const image::RunConfig& run = manifest.run();
    if (!run.entrypoint.empty())
        table.add({"entrypoint", fmt::format("{}", fmt::join(run.entrypoint, " "))});
    if (!run.command.empty())
        table.add({"command", fmt::format("{}", fmt::join(run.command, " "))});
    for (const std::string& variable : run.environment) table.add({"environment", variable});
    if (!run.working_directory.empty()) table.add({"working directory", run.working_directory});
    if (!run.user.empty()) table.add({"user", run.user});
    return table.render(for_people);
}

Json entry_json(const image::Manifest& manifest, const Entry& entry) {
    Json json{{"path", entry.path}, {"type", image::name_of(entry.type)}};
    if (entry.type == EntryType::hard_link) {
        json["link"] = manifest.entries()[entry.link_to].path;
        return json;
    }
    json["mode"] = entry.mode;
    json["uid"] = entry.uid;
    json["gid"] = entry.gid;
    json["mtime_s"] = entry.mtime.seconds;
    json["mtime_ns"] = entry.mtime.nanoseconds;
    if (entry.type == EntryType::file) {
        json["size_bytes"] = entry.size_bytes;
        json["digest"] = blob::to_hex(entry.digest);
        json["kind"] = image::name_of(entry.kind);
    }
    if (entry.type == EntryType::symlink) json["target"] = entry.target;
    if (entry.type == EntryType::char_device || entry.type == EntryType::block_device)
        json["device"] = {entry.device_major, entry.device_minor};
    for (const image::Xattr& xattr : entry.xattrs) json["xattrs"].push_back(xattr.name);
    return json;
}

}  // namespace

std::string mode_text(const Entry& entry) {
    std::string text(1, type_letter(entry.type));
    for (const unsigned shift : {6U, 3U, 0U}) {
        const unsigned bits = entry.mode >> shift & 7U;
        text += (bits & 4U) != 0 ? 'r' : '-';
        text += (bits & 2U) != 0 ? 'w' : '-';
        text += (bits & 1U) != 0 ? 'x' : '-';
    }
    const auto mark = [&](unsigned bit, std::size_t at, char letter) {
        if ((entry.mode & bit) == 0) return;
        text[at] = text[at] == 'x' ? letter : static_cast<char>(letter - 'a' + 'A');
    };
    mark(04000, 3, 's');
    mark(02000, 6, 's');
    mark(01000, 9, 't');
    return text;
}

std::string render_images(const std::vector<ImageLine>& images, bool for_people) {
    Table table({"NAME", "DIGEST", "ENTRIES", "FILES", "SIZE", "PRIOR", "ADDED", "SOURCE"});
    for (const ImageLine& image : images) {
        const std::string hex = blob::to_hex(image.digest);
        const std::string digest = for_people ? hex.substr(0, kShortDigest) : hex;
        if (!image.row) {
            table.add({image.name, digest, "damaged", "", "", "", "", ""});
            continue;
        }
        const blob::ManifestRow& row = *image.row;
        table.add({image.name, digest, fmt::format("{}", row.entry_count),
                   fmt::format("{}", row.file_count), count_text(row.content_bytes, for_people),
                   fmt::format("{}", row.edge_count), when_text(row.added), row.source});
    }
    return table.render(for_people);
}

std::string images_json(const std::vector<ImageLine>& images) {
    Json list = Json::array();
    for (const ImageLine& image : images) {
        Json json{{"name", image.name},
                  {"digest", blob::to_hex(image.digest)},
                  {"is_damaged", !image.row.has_value()}};
        if (image.row) {
            json["entries"] = image.row->entry_count;
            json["files"] = image.row->file_count;
            json["size_bytes"] = image.row->content_bytes;
            json["edges"] = image.row->edge_count;
            json["added_us"] = image.row->added.time_since_epoch().count();
            json["source"] = image.row->source;
        }
        list.push_back(std::move(json));
    }
    return dump(list, true);
}

std::string render_image(const InspectedImage& image, const InspectOptions& options,
                         bool for_people) {
    if (!options.shows_entries && !options.shows_prior) return summary_table(image, for_people);
    std::string text;
    if (options.shows_entries) text += entries_table(image.manifest, for_people);
    if (options.shows_entries && options.shows_prior) text += "\n";
    if (options.shows_prior) text += prior_table(image.manifest, for_people);
    return text;
}

std::string image_json(const InspectedImage& image, const InspectOptions& options) {
    const image::Manifest& manifest = image.manifest;
    Json json{{"name", image.name},
              {"digest", blob::to_hex(image.digest)},
              {"size_bytes", manifest.content_bytes()},
              {"types", counts_of_types(manifest)}};
    for (const auto& [kind, sum] : sums_of_kinds(manifest))
        json["kinds"][kind] = {{"files", sum.count}, {"bytes", sum.bytes}};
    json["prior"] = counts_of_reasons(manifest);
    const image::RunConfig& run = manifest.run();
    json["run"] = {{"entrypoint", run.entrypoint},
                   {"command", run.command},
                   {"environment", run.environment},
                   {"working_directory", run.working_directory},
                   {"user", run.user}};
    if (options.shows_entries)
        for (const Entry& entry : manifest.entries())
            json["entries"].push_back(entry_json(manifest, entry));
    if (options.shows_prior) {
        json["edges"] = Json::array();
        for (const image::Edge& edge : manifest.edges())
            json["edges"].push_back({{"from", manifest.entries()[edge.from].path},
                                     {"to", manifest.entries()[edge.to].path},
                                     {"reason", image::name_of(edge.reason)}});
    }
    return dump(json, true);
}

std::string render_damage(const std::vector<DamagedBlob>& blobs, bool for_people) {
    if (blobs.empty()) return "";
    Table table({"BLOB", "STATE", "IMAGES"});
    for (const DamagedBlob& blob : blobs)
        table.add({blob::to_hex(blob.digest), blob.is_missing ? "missing" : "rotten, set aside",
                   fmt::format("{}", fmt::join(blob.images, " "))});
    return table.render(for_people);
}

std::string damage_json(const std::vector<DamagedBlob>& blobs, std::uint64_t checked_count,
                        std::uint64_t checked_bytes) {
    Json json{{"checked", checked_count}, {"checked_bytes", checked_bytes}};
    json["damaged"] = Json::array();
    for (const DamagedBlob& blob : blobs)
        json["damaged"].push_back({{"digest", blob::to_hex(blob.digest)},
                                   {"state", blob.is_missing ? "missing" : "rotten"},
                                   {"images", blob.images}});
    return dump(json, true);
}

std::string sweep_text(const blob::Store::SweepReport& report, bool is_dry) {
    return fmt::format("{} {} blobs, {}; {} stay, {}\n", is_dry ? "would remove" : "removed",
                       report.removed.size(), size_text(report.removed_bytes), report.kept_count,
                       size_text(report.kept_bytes));
}

std::string sweep_json(const blob::Store::SweepReport& report, bool is_dry) {
    Json json{{"is_dry_run", is_dry},
              {"removed", report.removed.size()},
              {"removed_bytes", report.removed_bytes},
              {"kept", report.kept_count},
              {"kept_bytes", report.kept_bytes}};
    json["digests"] = Json::array();
    for (const blob::StoredBlob& blob : report.removed)
        json["digests"].push_back(blob::to_hex(blob.digest));
    return dump(json, true);
}

}  // namespace shardrun::cli
