#include "cli/run_report.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "cli/message_json.h"
#include "cli/shard_view.h"
#include "cli/table.h"
#include "cli/words.h"

namespace shardrun::cli {
namespace {

using std::chrono::microseconds;

std::string capabilities_text(const ShardOptions& options) {
    if (options.capabilities.empty()) return "none";
    return fmt::format("{}", fmt::join(options.capabilities, " "));
}

std::string cpu_text(const ProgramExit& exit) {
    return fmt::format("{} user, {} system", time_text(microseconds(exit.user_cpu_us)),
                       time_text(microseconds(exit.system_cpu_us)));
}

void add_files(Table& table, const RunOutcome& outcome) {
    const FileLog::Summary files = outcome.files.summary();
    if (outcome.prefetched > 0)
        table.add({"prefetched",
                   fmt::format("{} files", outcome.prefetched - outcome.prefetch_failed),
                   "the last after " + time_text(outcome.prefetch_time)});
    if (files.opened + files.failed == 0) return;
    table.add({"files opened", fmt::format("{}", files.opened), size_text(files.bytes)});
    table.add({"were there", fmt::format("{}", files.ready), "before they were opened"});
    table.add(
        {"waited for", fmt::format("{}", files.waited), time_text(files.waiting_time) + " in all"});
    if (files.failed > 0)
        table.add(
            {"refused", fmt::format("{}", files.failed), "could not be loaded or is damaged"});
    table.add({"last first open", time_text(files.last_open), "after the start"});
}

const char* outcome_text(BlobOutcome outcome) {
    switch (outcome) {
        case BlobOutcome::hit:
            return "ready";
        case BlobOutcome::prefetched:
            return "prefetched";
        case BlobOutcome::demand_loaded:
            return "waited";
        case BlobOutcome::failed:
            break;
    }
    return "failed";
}

nlohmann::ordered_json open_json(const FileLog::Entry& entry) {
    nlohmann::ordered_json json{{"at_us", entry.at.count()},
                                {"path", entry.what.name},
                                {"outcome", outcome_text(entry.what.outcome)},
                                {"waited_us", entry.what.elapsed_us.value_or(0)},
                                {"size_bytes", entry.what.size_bytes.value_or(0)}};
    if (entry.what.reason) json["reason"] = *entry.what.reason;
    return json;
}

nlohmann::ordered_json files_json(const RunOutcome& outcome) {
    const FileLog::Summary files = outcome.files.summary();
    nlohmann::ordered_json json{{"opened", files.opened},
                                {"ready", files.ready},
                                {"waited", files.waited},
                                {"failed", files.failed},
                                {"bytes", files.bytes},
                                {"waiting_us", files.waiting_time.count()},
                                {"last_open_us", files.last_open.count()},
                                {"prefetched", outcome.prefetched},
                                {"prefetch_failed", outcome.prefetch_failed},
                                {"prefetch_us", outcome.prefetch_time.count()}};
    auto& opens = json["opens"] = nlohmann::ordered_json::array();
    for (const FileLog::Entry& entry : outcome.files.entries()) opens.push_back(open_json(entry));
    return json;
}

void add_end(Table& table, const RunOutcome& outcome) {
    if (!outcome.exit) return;
    table.add({"ended", exit_text(*outcome.exit), ""});
    table.add({"cpu used", cpu_text(*outcome.exit), ""});
    table.add({"memory peak", size_text(outcome.exit->memory_peak_bytes), "of the program"});
}

}  // namespace

std::string render_report(const RunOutcome& outcome) {
    SR_ASSERT(outcome.shard.has_value());
    const ShardAssignment& shard = *outcome.shard;
    const ShardOptions options = shard.options.value_or(ShardOptions{});
    Table table({"SHARD", fmt::format("{}", static_cast<std::uint64_t>(shard.shard)), "NOTE"});
    const auto add = [&](const char* name, std::string value, const char* note = "") {
        table.add({name, std::move(value), note});
    };
    const bool is_warm = shard.warm.value_or(false);
    add("time to start", time_text(outcome.time_to_start), "from the request to the program");
    if (shard.prepare_us)
        add("prepared in", is_warm ? "0" : time_text(microseconds(*shard.prepare_us)),
            is_warm ? "from the warm pool" : "");
    for (std::vector<std::string>& row : limit_rows(options.limits, shard.unenforced.value_or(0)))
        table.add(std::move(row));
    add("namespaces", outcome.namespaces, "its own");
    add("seccomp", options.seccomp_profile.value_or(""));
    add("capabilities", capabilities_text(options));
    add("network", options.network ? std::string(name_of(*options.network)) : "");
    add("uid", shard.shard_uid ? fmt::format("{}", *shard.shard_uid) : "", "on the host");
    add("init pid", shard.init_pid ? fmt::format("{}", *shard.init_pid) : "", "on the host");
    add("cgroup", shard.cgroup.value_or(""));
    if (outcome.status && outcome.status->pids_current)
        add("processes", fmt::format("{}", *outcome.status->pids_current), "soon after the start");
    add_files(table, outcome);
    add_end(table, outcome);
    return table.render(true);
}

std::string report_json(const RunOutcome& outcome) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    if (outcome.shard) json["shard"] = to_json(*outcome.shard);
    if (!outcome.namespaces.empty()) json["namespaces"] = outcome.namespaces;
    if (outcome.shard) json["time_to_start_us"] = outcome.time_to_start.count();
    if (outcome.status) json["status_after_start"] = to_json(*outcome.status);
    if (!outcome.files.entries().empty() || outcome.prefetched > 0)
        json["files"] = files_json(outcome);
    if (outcome.exit) json["exit"] = to_json(*outcome.exit);
    if (outcome.error)
        json["error"] = {{"code", outcome.error->code}, {"sentence", outcome.error->message}};
    json["timed_out"] = outcome.is_timed_out;
    json["exit_status"] = outcome.exit_status();
    return dump(json, true);
}

Result<void> write_file(const std::string& path, const std::string& text) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file) return fail_errno("write '{}'", path);
    const ssize_t size = ::write(file.get(), text.data(), text.size());
    if (size < 0) return fail_errno("write '{}'", path);
    if (static_cast<std::size_t>(size) != text.size()) return fail(ENOSPC, "write '{}'", path);
    return {};
}

}  // namespace shardrun::cli
