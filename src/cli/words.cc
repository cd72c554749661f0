#include "cli/words.h"

#include <fmt/format.h>
#include <string.h>

#include <array>
#include <utility>

namespace shardrun::cli {
namespace {

constexpr std::array<std::pair<Controller, std::string_view>, 5> kControllers{
    {{Controller::cpu, "cpu"},
     {Controller::cpuset, "cpuset"},
     {Controller::memory, "memory"},
     {Controller::pids, "pids"},
     {Controller::io, "io"}}};

/// At most one digit behind the point, and none when it is 0.
std::string short_number(double number) {
    std::string text = fmt::format("{:.1f}", number);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
}

}  // namespace

std::string_view name_of(ShardState state) {
    switch (state) {
        case ShardState::preparing:
            return "preparing";
        case ShardState::ready:
            return "ready";
        case ShardState::active:
            return "active";
        case ShardState::draining:
            return "draining";
        case ShardState::reclaimed:
            return "reclaimed";
        case ShardState::failed:
            return "failed";
    }
    return "unknown";  // A newer supervisor may know more.
}

std::string_view name_of(AssignmentKind kind) {
    switch (kind) {
        case AssignmentKind::session:
            return "session";
        case AssignmentKind::assigned:
            return "assigned";
        case AssignmentKind::started:
            return "started";
        case AssignmentKind::exited:
            return "exited";
        case AssignmentKind::stopped:
            return "stopped";
        case AssignmentKind::resized:
            return "resized";
        case AssignmentKind::split:
            return "split";
        case AssignmentKind::merged:
            return "merged";
        case AssignmentKind::draining:
            return "draining";
        case AssignmentKind::reclaimed:
            return "reclaimed";
        case AssignmentKind::failed:
            return "failed";
        case AssignmentKind::listed:
            return "listed";
        case AssignmentKind::done:
            return "done";
        case AssignmentKind::continued:
            return "continued";
    }
    return "unknown";
}

std::string_view name_of(NetworkMode mode) {
    switch (mode) {
        case NetworkMode::none:
            return "none";
        case NetworkMode::isolated:
            return "isolated";
        case NetworkMode::nat:
            return "nat";
        case NetworkMode::host:
            return "host";
    }
    return "unknown";
}

std::string controller_names(std::uint32_t bits) {
    std::string names;
    for (const auto& [controller, name] : kControllers) {
        if ((bits & static_cast<std::uint32_t>(controller)) == 0) continue;
        if (!names.empty()) names += ' ';
        names += name;
    }
    return names;
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
    double number = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (number >= 1024 && unit + 1 < kUnits.size()) {
        number /= 1024;
        ++unit;
    }
    return short_number(number) + " " + kUnits[unit];
}

std::string time_text(std::chrono::microseconds time) {
    const auto us = static_cast<double>(time.count());
    if (us < 1000) return fmt::format("{} us", time.count());
    if (us < 1e6) return short_number(us / 1000) + " ms";
    if (us < 60e6) return short_number(us / 1e6) + " s";
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(time).count();
    if (minutes < 60) return fmt::format("{} min {} s", minutes, time.count() / 1'000'000 % 60);
    return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

std::string cores_text(std::uint32_t millicores) {
    std::string text = fmt::format("{:.3f}", millicores / 1000.0);
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text;
}

std::string signal_text(int number) {
    const char* name = ::sigabbrev_np(number);
    return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
}

std::string exit_text(const ProgramExit& exit) {
    if (exit.signal_number == 0) return fmt::format("exit status {}", exit.status);
    return fmt::format("killed by {}{}", signal_text(exit.signal_number),
                       exit.out_of_memory ? ", out of memory" : "");
}

std::string percent_text(std::uint16_t hundredths) {
    return fmt::format("{}.{:02} %", hundredths / 100, hundredths % 100);
}

}  // namespace shardrun::cli
