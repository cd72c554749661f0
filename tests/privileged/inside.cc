#include "privileged/inside.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace shardrun::test {

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

Survey::Survey(const std::string& text) {
    for (const std::string& line : lines_of(text)) {
        const std::size_t colon = line.find(": ");
        if (colon != std::string::npos)
            lines_.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    REQUIRE_MESSAGE(!lines_.empty(), "the survey said nothing");
}

std::vector<std::string> Survey::values(const std::string& key) const {
    std::vector<std::string> found;
    for (const auto& [name, value] : lines_)
        if (name == key) found.push_back(value);
    return found;
}

std::string Survey::value(const std::string& key) const {
    const std::vector<std::string> found = values(key);
    REQUIRE_MESSAGE(found.size() == 1, key);
    return found.front();
}

std::string Survey::status(const std::string& field) const {
    for (const std::string& line : values("status"))
        if (line.starts_with(field + ":\t")) return line.substr(field.size() + 2);
    FAIL("no field '" << field << "' in the status");
    return "";
}

Survey survey(const Testbed& bed, Client& client) {
    return Survey(output_of(client, in_new_shard({bed.program("survey")})));
}

void check_refused(const std::string& output, std::size_t attempts_min) {
    std::size_t refused = 0;
    for (const std::string& line : lines_of(output)) {
        CHECK_MESSAGE(!line.starts_with("SUCCEEDED"), line);
        if (line.starts_with("refused")) ++refused;
    }
    CHECK_MESSAGE(refused >= attempts_min, output);
}

std::vector<pid_t> children_of(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{0}/task/{0}/children", pid));
    std::vector<pid_t> found;
    for (pid_t child = 0; file >> child;) found.push_back(child);
    return found;
}

pid_t zygote_of(pid_t supervisor) {
    for (const pid_t child : children_of(supervisor)) {
        std::ifstream file(fmt::format("/proc/{}/cmdline", child));
        std::string command;
        if (std::getline(file, command, '\0') && command == "shardrun-zygote") return child;
    }
    return 0;
}

}  // namespace shardrun::test
