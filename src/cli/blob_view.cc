#include "cli/blob_view.h"

#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/message_json.h"
#include "cli/table.h"
#include "cli/words.h"

namespace shardrun::cli {

std::string when_text(blob::WallTime time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch());
    return fmt::format("{:%Y-%m-%d %H:%M}", fmt::gmtime(std::time_t{seconds.count()}));
}

std::string render_blobs(const std::vector<BlobLine>& blobs, bool for_people) {
    Table table({"DIGEST", "SIZE", "IMAGES", "VERIFIED", "NAMES"});
    for (const BlobLine& blob : blobs) {
        const blob::BlobRow& row = blob.row;
        table.add({blob::to_hex(row.digest),
                   for_people ? size_text(row.size_bytes) : fmt::format("{}", row.size_bytes),
                   fmt::format("{}", row.user_count), row.verified ? when_text(*row.verified) : "",
                   fmt::format("{}", fmt::join(blob.names, " "))});
    }
    return table.render(for_people);
}

std::string blobs_json(const std::vector<BlobLine>& blobs) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const BlobLine& blob : blobs) {
        nlohmann::ordered_json json{{"digest", blob::to_hex(blob.row.digest)},
                                    {"size_bytes", blob.row.size_bytes},
                                    {"added_us", blob.row.added.time_since_epoch().count()},
                                    {"images", blob.row.user_count},
                                    {"names", blob.names}};
        if (blob.row.verified) json["verified_us"] = blob.row.verified->time_since_epoch().count();
        list.push_back(std::move(json));
    }
    return dump(list, true);
}

}  // namespace shardrun::cli
