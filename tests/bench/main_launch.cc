#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/fail.h"
#include "bench/alternate.h"
#include "bench/contender.h"
#include "bench/endurance.h"
#include "bench/guarded.h"
#include "bench/private_view.h"
#include "bench/process.h"
#include "bench/report.h"

/// bench-launch: how long shards take, beside what else launches programs. Run by scripts/bench.
namespace shardrun::bench {

bool Options::wants(const std::string& part) const {
    return parts.empty() || std::ranges::find(parts, part) != parts.end();
}

namespace {

struct Findings {
    std::vector<Sample> samples;
    std::vector<Verdict> verdicts;
};

void progress(const std::string& line) {
    fmt::print(stderr, "bench: {}\n", line);
}

Result<Stage> set_stage(const Options& options, const std::string& folder, bool with_flatness) {
    Stage stage;
    add_bare(stage);
    if (!options.without_peers) SR_DO(add_peers(stage, folder));
    SR_DO(add_own(stage, options, folder, with_flatness));
    return stage;
}

Result<void> run_latency(const Options& options, Findings& findings) {
    progress(fmt::format("{} alternating rounds", options.rounds));
    const TempFolder folder;
    SR_DO(raise_priority());
    SR_TRY(const Stage stage, set_stage(options, folder.path(), true));
    for (const auto& supervisor : stage.supervisors)
        SR_DO(raise_priority_of_children(supervisor->pid()));
    SR_TRY(findings.samples, measure_latency(stage.contenders, options.rounds));
    return {};
}

Result<void> run_rates(const Options& options, Findings& findings) {
    const TempFolder folder;
    SR_DO(lower_priority());
    SR_TRY(const Stage stage, set_stage(options, folder.path(), false));
    for (const auto& supervisor : stage.supervisors) share_with_children(supervisor->pid());
    for (const Contender& contender : stage.contenders) {
        if (!contender.is_for_rate) continue;
        progress(fmt::format("{} at once: {}", options.in_flight, contender.name));
        SR_TRY(const double rate, measure_rate(contender, options.in_flight, options.rate_seconds));
        const auto at = std::ranges::find_if(
            findings.samples, [&](const Sample& sample) { return sample.name == contender.name; });
        if (at != findings.samples.end()) {
            at->per_second = rate;
        } else {
            findings.samples.push_back({contender.name, contender.what, {}, rate});
        }
    }
    return {};
}

Result<void> run_endurance(Result<Endurance> (*measure)(const Options&, const std::string&),
                           const Options& options, Findings& findings) {
    const TempFolder folder;
    SR_DO(lower_priority());
    SR_TRY(const Endurance result, measure(options, folder.path()));
    std::ranges::copy(result.samples, std::back_inserter(findings.samples));
    std::ranges::copy(result.verdicts, std::back_inserter(findings.verdicts));
    return {};
}

Result<Findings> measure(const Options& options) {
    SR_TRY(const PrivateView view, PrivateView::enter());
    Findings findings;
    if (options.wants("latency")) SR_DO(run_latency(options, findings));
    if (options.wants("rate")) SR_DO(run_rates(options, findings));
    findings.verdicts = judge_launches(findings.samples);
    if (options.wants("soak")) {
        progress(fmt::format("{} launches in a row", options.soak));
        SR_DO(run_endurance(measure_soak, options, findings));
    }
    if (options.wants("idle")) {
        progress(fmt::format("{} idle shards", options.idle_shards));
        SR_DO(run_endurance(measure_idle, options, findings));
    }
    return findings;
}

/// Tables for people, or JSON alone on standard output and the verdicts beside it.
int report(const Options& options, const Findings& findings) {
    if (options.json) {
        fmt::print("{}", render_json(findings.samples));
        fmt::print(stderr, "{}", render_verdicts(findings.verdicts));
    } else {
        fmt::print("{}\n{}", render_table(findings.samples), render_verdicts(findings.verdicts));
    }
    const bool all_met = std::ranges::all_of(findings.verdicts, &Verdict::is_met);
    return options.check && !all_met ? 1 : 0;
}

void bind(CLI::App& app, Options& options, bool& is_quick) {
    app.add_option("--shardrun", options.shardrun, "the command under test")->required();
    app.add_option("--part", options.parts, "latency, rate, soak or idle; again for more")
        ->check(CLI::IsMember({"latency", "rate", "soak", "idle"}));
    app.add_option("--rounds", options.rounds, "launches of each kind in the alternating run");
    app.add_option("--seconds", options.rate_seconds, "sustained load of each kind");
    app.add_option("--in-flight", options.in_flight, "launches at once under sustained load");
    app.add_option("--mounts", options.mounts, "extra host mounts before one supervisor");
    app.add_option("--supervisor-memory", options.supervisor_memory, "MiB that another one holds");
    app.add_option("--soak", options.soak, "launches in a row");
    app.add_option("--idle-shards", options.idle_shards, "shards of the idle supervisor");
    app.add_flag("--no-peers", options.without_peers, "leave bubblewrap, crun and runc out");
    app.add_flag("--quick", is_quick, "fewer rounds and shorter loads");
    app.add_flag("--json", options.json, "an array of {name, p50_us, p99_us, per_second}");
    app.add_flag("--check", options.check, "status 1 when a number is missed");
}

int run(int argc, char** argv) {
    if (argc == 4 && std::string_view(argv[1]) == "--serve-with-ballast")
        return serve_with_ballast(argv[2], static_cast<unsigned>(std::atoi(argv[3])));
    Options options;
    bool is_quick = false;
    CLI::App app("Measures how long shards take, beside what else launches programs.");
    app.name("scripts/bench launch");
    bind(app, options, is_quick);
    CLI11_PARSE(app, argc, argv);
    if (is_quick) {
        options.rounds = std::min(options.rounds, 30U);
        options.rate_seconds = 1;
        options.soak = std::min(options.soak, 400U);
        options.idle_seconds = 5;
    }
    const Result<Findings> findings = measure(options);
    if (findings) return report(options, *findings);
    fmt::print(stderr, "bench: {}\n", findings.error().message);
    return 2;
}

}  // namespace
}  // namespace shardrun::bench

int main(int argc, char** argv) {
    return shardrun::bench::guarded(shardrun::bench::run, argc, argv);
}
