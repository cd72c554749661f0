#include <time.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "cli/command.h"
#include "cli/message_json.h"
#include "cli/output.h"
#include "cli/run_plan.h"
#include "cli/shard_view.h"
#include "cli/supervisor_socket.h"

/// `shardrun ls`, `inspect`, `stats` and `events`: what there is to see.
namespace shardrun::cli {
namespace {

// A supervisor that is alive answers within milliseconds.
constexpr Timeout kAnswerTime{10000};

struct ViewOptions {
    std::optional<std::string> socket;
    bool wants_json = false;
    bool follows = false;
    std::vector<std::string> shards;
};

void bind_view(OptionParser& parser, ViewOptions& options) {
    parser.text("--socket", "PATH", options.socket, "the supervisor's socket");
    parser.flag("--json", options.wants_json, "for programs");
}

template <class Message>
std::string json_array(const std::vector<Message>& messages) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const Message& message : messages) json.push_back(to_json(message));
    return dump(json, true);
}

Result<std::string> list(const ViewOptions& options) {
    SR_TRY(Client client, connect_supervisor(options.socket));
    SR_TRY(const std::vector<ShardAssignment> shards, client.list(std::nullopt, kAnswerTime));
    return options.wants_json ? json_array(shards) : render_list(shards, is_for_people());
}

Result<std::string> inspect(const ViewOptions& options) {
    SR_TRY(const ShardId id, parse_shard_id(options.shards.front()));
    SR_TRY(Client client, connect_supervisor(options.socket));
    SR_TRY(const std::vector<ShardAssignment> shards, client.list(id, kAnswerTime));
    if (shards.empty())
        return refuse(ENOENT, "there is no shard {}: 'shardrun ls' shows those there are",
                      options.shards.front());
    return options.wants_json ? dump(to_json(shards.front()), true)
                              : render_shard(shards.front(), is_for_people());
}

Result<std::vector<ShardId>> ids_of(const std::vector<std::string>& texts, Client& client) {
    std::vector<ShardId> ids;
    for (const std::string& text : texts) {
        SR_TRY(const ShardId id, parse_shard_id(text));
        ids.push_back(id);
    }
    if (!texts.empty()) return ids;
    SR_TRY(const std::vector<ShardAssignment> shards, client.list(std::nullopt, kAnswerTime));
    for (const ShardAssignment& shard : shards) ids.push_back(shard.shard);
    return ids;
}

Result<std::string> measure(const ViewOptions& options) {
    SR_TRY(Client client, connect_supervisor(options.socket));
    SR_TRY(const std::vector<ShardId> ids, ids_of(options.shards, client));
    std::vector<ShardStatus> statuses;
    for (const ShardId id : ids) {
        ShardStatus question;
        question.shard = id;
        auto status = client.status(question, kAnswerTime);
        // Unless it was asked for by name, a shard may end between the listing and here.
        if (!status && options.shards.empty()) continue;
        if (!status) return std::unexpected(status.error());
        statuses.push_back(*std::move(status));
    }
    return options.wants_json ? json_array(statuses) : render_stats(statuses, is_for_people());
}

std::string time_of_day() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    std::array<char, 32> text{};
    if (::localtime_r(&now, &parts) == nullptr) return "";
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts)};
}

Result<void> print_event(const ShardAssignment& event, bool wants_json) {
    return print(wants_json ? dump(to_json(event), false) : render_event(event, time_of_day()));
}

Result<std::string> watch(const ViewOptions& options) {
    SR_TRY(Client client, connect_supervisor(options.socket));
    // Subscribed first: what happens while the listing is made is not missed.
    SR_TRY(const std::uint64_t subscription, client.subscribe({}, kAnswerTime));
    SR_TRY(const std::vector<ShardAssignment> shards, client.list(std::nullopt, kAnswerTime));
    for (const ShardAssignment& shard : shards) {
        SR_DO(print_event(shard, options.wants_json));
    }
    while (options.follows) {
        SR_TRY(const ReceivedFrame frame, client.next_event(subscription));
        if (const ShardAssignment* event = frame.assignment()) {
            SR_DO(print_event(*event, options.wants_json));
        }
    }
    return std::string();
}

}  // namespace

int ls_command(const Arguments& arguments) {
    ViewOptions options;
    OptionParser parser({"ls", "[OPTION]...",
                         "Lists the shards of this user; all, for root and administrators.",
                         "  shardrun ls\n"
                         "  shardrun ls --json | jq '.[].shard'\n"});
    bind_view(parser, options);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(list(options));
}

int inspect_command(const Arguments& arguments) {
    ViewOptions options;
    OptionParser parser({"inspect", "[OPTION]... SHARD",
                         "Shows what a shard is, its limits and its programs.",
                         "  shardrun inspect 7\n"
                         "  shardrun inspect --json 7 | jq .options.limits\n"});
    bind_view(parser, options);
    parser.operands("SHARD", options.shards, 1, 1);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(inspect(options));
}

int stats_command(const Arguments& arguments) {
    ViewOptions options;
    OptionParser parser({"stats", "[OPTION]... [SHARD]...",
                         "Shows what shards use, as the kernel counted it; all of them by default.",
                         "  shardrun stats\n"
                         "  watch -n1 shardrun stats 7\n"});
    bind_view(parser, options);
    parser.operands("SHARD", options.shards, 0, 4096);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(measure(options));
}

int events_command(const Arguments& arguments) {
    ViewOptions options;
    OptionParser parser(
        {"events", "[OPTION]...",
         "Shows the shards there are as events, and with --follow what happens to "
         "shards from then on.",
         "  shardrun events --follow\n"
         "  shardrun events --follow --json | jq -c 'select(.kind == \"failed\")'\n"});
    bind_view(parser, options);
    parser.flag("--follow", options.follows, "until interrupted");
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(watch(options));
}

}  // namespace shardrun::cli
