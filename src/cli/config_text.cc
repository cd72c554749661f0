#include "cli/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/config_pattern.h"
#include "cli/config_value.h"

namespace shardrun::cli {
namespace {

using supervisor::Config;

constexpr std::string_view kPreamble =
    "# Settings of 'shardrun serve', and of 'shardrun run' without a supervisor; see\n"
    "# shardrun.toml(5). Each key stands here with its default. 'shardrun serve --check' says "
    "what\n"
    "# is wrong with a file, 'systemctl reload shardrun' takes it into use.\n";

/// `text` as comment lines of at most 100 columns.
std::string as_comment(std::string_view text) {
    std::string result = "#";
    std::size_t column = 1;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        if (column + 1 + word.size() > 100) {
            result += "\n#";
            column = 1;
        }
        result.append(" ").append(word);
        column += 1 + word.size();
        text.remove_prefix(std::min(word.size() + 1, text.size()));
    }
    return result + "\n";
}

/// The key's sentence, then what it takes: "An integer from 10 to 60000, in ms."
std::string key_comment(const ConfigKey& key) {
    std::string expected = expected_text(key);
    expected[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(expected[0])));
    if (!key.unit.empty()) expected += fmt::format(", in {}", key.unit);
    return as_comment(fmt::format("{} {}.", key.doc, expected));
}

/// The settings that `pattern`'s table holds, for one table of the file.
class Renderer {
 public:
    explicit Renderer(const Config& config) : config_(config) {}

    std::string render();

 private:
    /// With comments the table is shown whole, else only what differs from the default.
    void add_table(std::string_view path, std::string_view pattern, const ConfigTarget& target,
                   const ConfigTarget& defaults, bool has_comments);
    void add_client(const std::string& name, ClientRule& rule, bool has_comments);
    void add_profiles();

    Config config_;  // Copies: a ConfigTarget points at what could be changed.
    Config defaults_;
    ClientRule default_rule_;
    std::string text_{kPreamble};
};

void Renderer::add_table(std::string_view path, std::string_view pattern,
                         const ConfigTarget& target, const ConfigTarget& defaults,
                         bool has_comments) {
    text_ += fmt::format("\n[{}]\n", path);
    for (const auto& [name, key] : key_patterns()) {
        const std::size_t dot = name.rfind('.');
        if (std::string_view(name).substr(0, dot) != pattern) continue;
        const ConfigValue value = key->get(target);
        const bool is_default = value == key->get(defaults);
        if (has_comments) text_ += key_comment(*key);
        if (is_default && !has_comments) continue;
        text_ += fmt::format("{}{} = {}\n", is_default ? "#" : "", name.substr(dot + 1),
                             value_text(*key, value));
    }
}

void Renderer::add_client(const std::string& name, ClientRule& rule, bool has_comments) {
    const ConfigTarget client{nullptr, &rule, &rule.limits_max, ""};
    const ConfigTarget defaults{nullptr, &default_rule_, &default_rule_.limits_max, ""};
    add_table("clients." + name, "clients.*", client, defaults, has_comments);
    add_table(fmt::format("clients.{}.limits_max", name), "clients.*.limits_max", client, defaults,
              has_comments);
}

void Renderer::add_profiles() {
    text_ += "\n[seccomp.profiles]\n";
    const ConfigKey* key = find_key("seccomp.profiles.*");
    text_ += key_comment(*key) + "#strict = \"/etc/shardrun/strict.json\"\n";
    for (const auto& [name, path] : config_.seccomp_profiles)
        text_ += fmt::format("\"{}\" = {}\n", name, value_text(*key, path));
}

std::string Renderer::render() {
    const ConfigTarget target{&config_, nullptr, &config_.shard.limits, ""};
    const ConfigTarget defaults{&defaults_, nullptr, &defaults_.shard.limits, ""};
    for (const char* table :
         {"socket", "supervisor", "cgroup", "shard", "shard.limits", "warm_pool", "store"})
        add_table(table, table, target, defaults, true);
    add_profiles();
    text_ +=
        "\n# [clients.default] serves every user that has no table of its own. A table of its "
        "own, as in\n# [clients.1000], starts from the defaults below, not from "
        "[clients.default].\n";
    add_client("default", config_.default_client, true);
    for (auto& [uid, rule] : config_.clients) add_client(fmt::format("{}", uid), rule, false);
    return std::move(text_);
}

}  // namespace

std::string render_config(const Config& config) {
    return Renderer(config).render();
}

}  // namespace shardrun::cli
