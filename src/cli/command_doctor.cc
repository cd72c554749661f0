#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/host_judgement.h"
#include "cli/message_json.h"
#include "cli/output.h"
#include "cli/table.h"
#include "sys/probe.h"

/// `shardrun doctor`.
namespace shardrun::cli {
namespace {

std::string status_text(const Finding& finding) {
    if (finding.verdict == Verdict::missing) return "MISSING: " + finding.status;
    if (finding.verdict == Verdict::note) return "note: " + finding.status;
    return "ok: " + finding.status;
}

std::string as_table(const std::vector<Finding>& findings) {
    Table table({"FEATURE", "STATUS", "REMEDY"});
    for (const Finding& finding : findings)
        table.add({finding.feature, status_text(finding), finding.remedy});
    return table.render(is_for_people());
}

std::string as_json(const std::vector<Finding>& findings) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const Finding& finding : findings) json.push_back(to_json(finding));
    return dump(json, true);
}

}  // namespace

int doctor_command(const Arguments& arguments) {
    bool wants_json = false;
    OptionParser parser(
        {"doctor", "[OPTION]...",
         "Tries each kernel feature, controller and limit that shards use, and says what mends "
         "what is\nmissing. Status 0: all that is needed is there; 1: something is missing.",
         "  sudo shardrun doctor\n"
         "  sudo shardrun doctor --json | jq '.[] | select(.verdict == \"missing\")'\n"});
    parser.flag("--json", wants_json, "for programs");
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    const std::vector<Finding> findings = judge_host(sys::probe_host());
    const int printed = finish_with(wants_json ? as_json(findings) : as_table(findings));
    return is_fit(findings) ? printed : kFailure;
}

}  // namespace shardrun::cli
