#include "cli/message_json.h"

#include <nlohmann/json.hpp>

#include "cli/words.h"

namespace shardrun::cli {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
void put(Json& json, const char* name, const std::optional<T>& value) {
    if (value) json[name] = *value;
}

void put(Json& json, const char* name, const std::optional<Pressure>& pressure) {
    if (!pressure) return;
    // Hundredths of a percent on the wire; percent as the kernel shows it here.
    json[name] = Json{{"some_avg10", pressure->some_avg10 / 100.0},
                      {"full_avg10", pressure->full_avg10 / 100.0}};
}

Json io_json(const IoLimit& limit) {
    Json json{{"device", std::to_string(limit.major) + ":" + std::to_string(limit.minor)}};
    put(json, "rbps", limit.read_bytes_per_second);
    put(json, "wbps", limit.write_bytes_per_second);
    put(json, "riops", limit.read_ops_per_second);
    put(json, "wiops", limit.write_ops_per_second);
    return json;
}

Json controllers_json(std::uint32_t bits) {
    Json names = Json::array();
    for (unsigned bit = 1; bit <= 16; bit <<= 1U)
        if ((bits & bit) != 0) names.push_back(controller_names(bit));
    return names;
}

/// "ID PID STATE ARGV0", the last of which may hold spaces.
Json program_json(const std::string& row) {
    std::string_view rest = row;
    Json json;
    for (const char* name : {"id", "pid", "state"}) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        json[name] = word;
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    for (const char* name : {"id", "pid"})
        json[name] = std::strtoull(json[name].get<std::string>().c_str(), nullptr, 10);
    json["argv0"] = rest;
    return json;
}

}  // namespace

Json to_json(const ShardLimits& limits) {
    Json json = Json::object();
    put(json, "cpu_max_millicores", limits.cpu_max_millicores);
    put(json, "cpu_weight", limits.cpu_weight);
    put(json, "cpuset_cpus", limits.cpuset_cpus);
    put(json, "memory_high_bytes", limits.memory_high_bytes);
    put(json, "memory_max_bytes", limits.memory_max_bytes);
    put(json, "memory_swap_max_bytes", limits.memory_swap_max_bytes);
    put(json, "pids_max", limits.pids_max);
    for (const IoLimit& limit : limits.io_max) json["io_max"].push_back(io_json(limit));
    put(json, "io_weight", limits.io_weight);
    put(json, "tmpfs_size_max_bytes", limits.tmpfs_size_max_bytes);
    put(json, "files_max", limits.files_max);
    return json;
}

Json to_json(const ShardOptions& options) {
    Json json{{"limits", to_json(options.limits)}};
    if (options.network) json["network"] = name_of(*options.network);
    put(json, "seccomp_profile", options.seccomp_profile);
    put(json, "hostname", options.hostname);
    put(json, "user_namespace", options.user_namespace);
    json["capabilities"] = options.capabilities;
    put(json, "image", options.image);
    return json;
}

Json to_json(const ProgramExit& exit) {
    return Json{{"status", exit.status},
                {"signal_number", exit.signal_number},
                {"out_of_memory", exit.out_of_memory},
                {"user_cpu_us", exit.user_cpu_us},
                {"system_cpu_us", exit.system_cpu_us},
                {"memory_peak_bytes", exit.memory_peak_bytes}};
}

Json to_json(const ShardAssignment& assignment) {
    Json json{{"kind", name_of(assignment.kind)},
              {"shard", static_cast<std::uint64_t>(assignment.shard)}};
    if (assignment.program != ProgramId{})
        json["program"] = static_cast<std::uint64_t>(assignment.program);
    if (assignment.state) json["state"] = name_of(*assignment.state);
    if (assignment.options) json["options"] = to_json(*assignment.options);
    if (assignment.unenforced) json["unenforced"] = controllers_json(*assignment.unenforced);
    put(json, "shard_uid", assignment.shard_uid);
    put(json, "owner_uid", assignment.owner_uid);
    put(json, "profile", assignment.profile);
    put(json, "cgroup", assignment.cgroup);
    put(json, "init_pid", assignment.init_pid);
    if (assignment.kind == AssignmentKind::listed) json["programs"] = Json::array();
    for (const std::string& row : assignment.programs)
        json["programs"].push_back(program_json(row));
    if (assignment.exit) json["exit"] = to_json(*assignment.exit);
    put(json, "reason", assignment.reason);
    put(json, "created_us_ago", assignment.created_us_ago);
    put(json, "prepare_us", assignment.prepare_us);
    put(json, "warm", assignment.warm);
    return json;
}

Json to_json(const ShardStatus& status) {
    Json json{{"shard", static_cast<std::uint64_t>(status.shard)}};
    put(json, "reported_load", status.reported_load);
    put(json, "reported_queue", status.reported_queue);
    put(json, "cpu_usage_us", status.cpu_usage_us);
    put(json, "cpu_throttled_us", status.cpu_throttled_us);
    put(json, "cpu_throttled_periods", status.cpu_throttled_periods);
    put(json, "memory_current_bytes", status.memory_current_bytes);
    put(json, "memory_peak_bytes", status.memory_peak_bytes);
    put(json, "memory_swap_bytes", status.memory_swap_bytes);
    put(json, "oom_kills", status.oom_kills);
    put(json, "pids_current", status.pids_current);
    put(json, "pids_refused", status.pids_refused);
    put(json, "io_read_bytes", status.io_read_bytes);
    put(json, "io_write_bytes", status.io_write_bytes);
    put(json, "network_received_bytes", status.network_received_bytes);
    put(json, "network_sent_bytes", status.network_sent_bytes);
    put(json, "tmpfs_used_bytes", status.tmpfs_used_bytes);
    put(json, "cpu_pressure", status.cpu_pressure);
    put(json, "memory_pressure", status.memory_pressure);
    put(json, "io_pressure", status.io_pressure);
    if (status.limits) json["limits"] = to_json(*status.limits);
    return json;
}

Json to_json(const Finding& finding) {
    const char* verdict = finding.verdict == Verdict::ok     ? "ok"
                          : finding.verdict == Verdict::note ? "note"
                                                             : "missing";
    Json json{{"feature", finding.feature}, {"verdict", verdict}, {"status", finding.status}};
    if (!finding.remedy.empty()) json["remedy"] = finding.remedy;
    return json;
}

std::string dump(const Json& value, bool is_pretty) {
    return value.dump(is_pretty ? 2 : -1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace shardrun::cli
