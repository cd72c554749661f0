#include "cli/config_file.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "cli/config_pattern.h"
#include "cli/config_text.h"
#include "cli/config_value.h"

using namespace shardrun;
using namespace shardrun::cli;
using supervisor::Config;

namespace {

std::string refusal(std::string_view text) {
    const auto parsed = parse_config(text, "shardrun.toml");
    return parsed ? "accepted" : parsed.error().message;
}

Config accepted(std::string_view text) {
    auto parsed = parse_config(text, "shardrun.toml");
    REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().message));
    return *parsed;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    REQUIRE(file.good());
    return {std::istreambuf_iterator<char>(file), {}};
}

/// `name = value` in the table that the pattern names, with 1000 for a client and "p" for a
/// profile.
std::string assignment(const KeyPattern& key, const std::string& value) {
    std::string name = key.pattern;
    if (const auto star = name.find('*'); star != std::string::npos)
        name.replace(star, 1, name.starts_with("clients") ? "1000" : "p");
    return name + " = " + value + "\n";
}

/// A text that the key takes and that is not its default.
std::string other_text(const ConfigKey& key) {
    if (key.check == nullptr) return "x";
    for (const char* text : {"/x", "x", "CAP_CHOWN", "3", "8:0 rbps=1", "default"})
        if (key.check(text)) return text;
    return "";
}

}  // namespace

TEST_CASE("an empty file gives the defaults") {
    CHECK(accepted("") == Config{});
}

TEST_CASE("every key takes its least and its greatest value and refuses the next with the bound") {
    for (const KeyPattern& key : key_patterns()) {
        CAPTURE(key.pattern);
        if (key.key->type != KeyType::integer && key.key->type != KeyType::octal) continue;
        const auto text = [&](std::int64_t n) { return assignment(key, std::to_string(n)); };
        // Some bounds are narrowed by other keys; those say so instead of naming this bound.
        const std::string at_min = refusal(text(key.key->min));
        CHECK(at_min.find("is less than") == std::string::npos);
        CHECK(refusal(text(key.key->min - 1)).find(" is less than ") != std::string::npos);
        CHECK(refusal(text(key.key->max + 1)).find(" is more than ") != std::string::npos);
        const std::string prefix =
            "shardrun.toml:1: " + text(0).substr(0, text(0).find(' ')) + ": ";
        CHECK(refusal(text(key.key->max + 1)).starts_with(prefix));
    }
}

TEST_CASE("every key refuses a value of another type and says what it takes") {
    for (const KeyPattern& key : key_patterns()) {
        CAPTURE(key.pattern);
        CHECK(refusal(assignment(key, "1.5")).find(": has the wrong type: write ") !=
              std::string::npos);
        CHECK(refusal(assignment(key, "1979-05-27")).find("wrong type") != std::string::npos);
        CHECK(refusal(assignment(key, "{}")).find("wrong type") != std::string::npos);
        CHECK(refusal(assignment(key, "[1, \"a\"]")).find("wrong type") != std::string::npos);
    }
}

TEST_CASE("every text key takes a text and refuses one that is longer than its bound") {
    for (const KeyPattern& key : key_patterns()) {
        CAPTURE(key.pattern);
        if (key.key->type != KeyType::text) continue;
        const std::string too_long(
            static_cast<std::size_t>(std::min<std::int64_t>(key.key->max, 900)) + 1, 'a');
        if (key.key->max < 900)
            CHECK(refusal(assignment(key, "\"" + too_long + "\"")).find(" bytes are more than ") !=
                  std::string::npos);
        CHECK(refusal(assignment(key, "\"a\\u0000b\"")).find("NUL") != std::string::npos);
    }
}

TEST_CASE("every key is reachable: setting it changes the settings, and printing shows it again") {
    for (const KeyPattern& key : key_patterns()) {
        CAPTURE(key.pattern);
        Config defaults;
        std::string value;
        switch (key.key->type) {
            case KeyType::boolean:
                value = key.pattern.ends_with("may_connect") ? "false" : "true";
                break;
            case KeyType::integer:
            case KeyType::octal:
                value =
                    std::to_string(key.pattern == "warm_pool.shards_min" ? 3 : key.key->min + 1);
                break;
            case KeyType::text:
                value = '"' + other_text(*key.key) + '"';
                break;
            case KeyType::text_list:
                value = "[\"" + other_text(*key.key) + "\"]";
                if (key.pattern.ends_with("seccomp_profiles")) value = "[]";
                break;
            case KeyType::choice:
                value = '"' + std::string(choices_of(*key.key).back()) + '"';
                break;
        }
        std::string text = assignment(key, value);
        if (key.pattern == "shard.seccomp_profile")
            text = "shard.seccomp_profile = \"q\"\nseccomp.profiles.q = \"/q\"\n";
        const Config config = accepted(text);
        CHECK_FALSE(config == defaults);
        CHECK(accepted(render_config(config)) == config);
    }
}

TEST_CASE("a limit may be \"max\" and is then not set") {
    CHECK_FALSE(accepted("shard.limits.memory_max_mib = \"max\"").shard.limits.memory_max_bytes);
    CHECK(accepted("shard.limits.memory_max_mib = 64").shard.limits.memory_max_bytes == 64U << 20U);
    CHECK(
        refusal("shard.limits.memory_max_mib = \"most\"") ==
        "shardrun.toml:1: shard.limits.memory_max_mib: has the wrong type: write an integer from 1 "
        "to 67108864, or \"max\"");
}

TEST_CASE("an unknown key is refused with its line and the key that was meant") {
    CHECK(refusal("[supervisor]\n\ntick_sm = 5\n") ==
          "shardrun.toml:3: supervisor.tick_sm: is no key (did you mean 'tick_ms'?)");
    CHECK(refusal("[sockets]\n") == "shardrun.toml:1: sockets: is no key (did you mean 'socket'?)");
    CHECK(refusal("zebra = 1") == "shardrun.toml:1: zebra: is no key");
    CHECK(refusal("[shard.limits]\npid_max = 5") ==
          "shardrun.toml:2: shard.limits.pid_max: is no key (did you mean 'pids_max'?)");
    CHECK(refusal("[clients.7.limits_max]\nuid = 5") ==
          "shardrun.toml:2: clients.7.limits_max.uid: is no key");
}

TEST_CASE("a value out of range is refused with line, value and bound") {
    CHECK(refusal("[supervisor]\n# a comment\ntick_ms = 999999\n") ==
          "shardrun.toml:3: supervisor.tick_ms: 999999 is more than 60000");
    CHECK(refusal("[socket]\nmode = 0o1777") ==
          "shardrun.toml:2: socket.mode: 0o1777 is more than 0o777");
}

TEST_CASE("a table where a key must stand is refused, and a key where a table must stand") {
    CHECK(refusal("socket = 1") == "shardrun.toml:1: socket: is a table: write [socket]");
    CHECK(
        refusal("[socket.path]\na = 1").find("shardrun.toml:1: socket.path: has the wrong type") ==
        0);
    CHECK(refusal("[[clients.5]]").find("shardrun.toml:1: clients.5: is a table") == 0);
}

TEST_CASE("what stands twice is refused with its line") {
    CHECK(refusal("[socket]\nbacklog = 1\nbacklog = 2\n").find("shardrun.toml:3: ") == 0);
    CHECK(refusal("[socket]\n[socket]\n").find("shardrun.toml:2: ") == 0);
}

TEST_CASE("broken syntax is refused with its line") {
    for (const char* text :
         {"\n[socket\n", "\na = \n", "\n= 3\n", "\na = \"open\n", "\na = 1 2\n"}) {
        CAPTURE(text);
        CHECK(refusal(text).starts_with("shardrun.toml:"));
    }
    CHECK(refusal("\n\xff\n").starts_with("shardrun.toml:"));
    // This aborted in the library's own assertion.
    CHECK(refusal("\n[~]\n").starts_with("shardrun.toml:2: "));
}

TEST_CASE("size, line length and nesting are bounded") {
    CHECK(refusal(std::string(kConfigSizeMax + 1, '\n')) ==
          "shardrun.toml: 1048577 bytes are more than 1048576");
    CHECK(refusal(std::string(kConfigSizeMax, '\n')) == "accepted");
    CHECK(refusal("\n#" + std::string(kConfigLineSizeMax, 'x')) ==
          "shardrun.toml:2: the line is longer than 1024 bytes");
    std::string deep = "a";
    while (deep.size() < 1000) deep += ".a";
    CHECK(refusal(deep + " = 1") == "shardrun.toml:1: a: is no key");
    CHECK(refusal("a = [[[[[[[[[[[[1]]]]]]]]]]]]").starts_with("shardrun.toml:1: "));
}

TEST_CASE("tables of clients are 'default' or numbers of users") {
    CHECK(accepted("[clients.1000]\nshards_max = 3").clients.at(1000).shards_max == 3);
    CHECK(accepted("[clients.default]\nshards_max = 3").default_client.shards_max == 3);
    CHECK(refusal("[clients.alice]").find("clients.alice: 'alice' is neither 'default' nor") !=
          std::string::npos);
    CHECK(refusal("[clients.01]").find("neither") != std::string::npos);
    CHECK(refusal("[clients.4294967295]").find("neither") != std::string::npos);
    CHECK(refusal("[clients.-1]").find("neither") != std::string::npos);
}

TEST_CASE("a seccomp profile must exist before it is named") {
    CHECK(refusal("[shard]\nseccomp_profile = \"lean\"") ==
          "shardrun.toml:2: shard.seccomp_profile: 'lean' is neither 'default' nor a key of "
          "[seccomp.profiles]");
    CHECK(refusal("[clients.5]\n\nseccomp_profiles = [\"x\"]")
              .find("shardrun.toml:3: clients.5.seccomp_profiles: 'x'") == 0);
    const Config config = accepted(
        "[seccomp.profiles]\nlean = \"/etc/lean.json\"\n[shard]\nseccomp_profile = \"lean\"");
    CHECK(config.seccomp_profiles.at("lean") == "/etc/lean.json");
    CHECK(refusal("[seccomp.profiles]\nlean = \"lean.json\"").find("is not an absolute path") !=
          std::string::npos);
    CHECK(refusal("[seccomp.profiles]\n\"a b\" = \"/x\"").find("is not a profile name") !=
          std::string::npos);
    CHECK(refusal("[seccomp.profiles]\ndefault = \"/x\"").find("is built in") != std::string::npos);
}

TEST_CASE("bounds between keys are told at the key's line") {
    CHECK(refusal("[warm_pool]\nshards_max = 2\nshards_min = 3\n") ==
          "shardrun.toml:3: warm_pool.shards_min: 3 is more than warm_pool.shards_max, which is 2");
    CHECK(refusal("[shard]\nuid_first = 4294960000\n").find("shard.uid_count: 65536 uids from") !=
          std::string::npos);
    CHECK(
        refusal("[shard.limits]\nmemory_max_mib = 8\nmemory_high_mib = 9\n") ==
        "shardrun.toml:3: shard.limits.memory_high_mib: 9 is more than memory_max_mib, which is 8");
}

TEST_CASE("a store may be left out, be any owner's, and bound its trees or not") {
    CHECK(accepted("store.path = \"\"").store.path.empty());
    CHECK(refusal("store.path = \"var/lib\"").find("not an absolute path") != std::string::npos);
    using supervisor::TreeOwner;
    CHECK(accepted("store.owner = \"client\"").store.owner == TreeOwner::client);
    CHECK(accepted("store.owner = \"shard\"").store.owner == TreeOwner::shard);
    CHECK(accepted("store.owner = \"host\"").store.owner == TreeOwner::host);
    CHECK(refusal("store.owner = \"uid\"") ==
          "shardrun.toml:1: store.owner: 'uid' is none of client, shard, host");
    CHECK(accepted("store.prefetch_in_flight_kib = 64").store.prefetch_in_flight_bytes == 65536);
    CHECK(accepted("store.tree_size_max_mib = 3").store.tree_size_max_bytes == 3U << 20U);
    CHECK_FALSE(accepted("store.tree_size_max_mib = \"max\"").store.tree_size_max_bytes);
    CHECK(render_config(accepted("store.owner = \"shard\"")).find("\nowner = \"shard\"") !=
          std::string::npos);
}

TEST_CASE("lists, names and paths are checked item by item") {
    CHECK(refusal("clients.5.capabilities = [\"CAP_NET\"]").find("'CAP_NET' is no capability") !=
          std::string::npos);
    CHECK(
        accepted("clients.5.capabilities = [\"CAP_NET_RAW\"]").clients.at(5).capabilities.size() ==
        1);
    CHECK(refusal("shard.read_only_paths = [\"usr\"]").find("not an absolute path") !=
          std::string::npos);
    CHECK(refusal("shard.read_only_paths = [\"/usr/../etc\"]").find("without '..'") !=
          std::string::npos);
    CHECK(refusal("shard.read_only_paths = [\"\"]").find("empty item") != std::string::npos);
    CHECK(refusal("cgroup.root = \"/a\"").find("below the cgroup mount") != std::string::npos);
    CHECK(refusal("cgroup.root = \"a/../b\"").find("below the cgroup mount") != std::string::npos);
    CHECK(accepted("cgroup.root = \"a/b\"").cgroup.root == "a/b");
    CHECK(refusal("shard.hostname = \"-a\"").find("is not a host name") != std::string::npos);
    CHECK(refusal("cgroup.controllers = \"requier\"").find("did you mean 'require'") !=
          std::string::npos);
}

TEST_CASE("the installed file is what the table of keys says") {
    const std::string text = read_file(SR_SOURCE_ROOT "/src/cli/shardrun.toml");
    CHECK(text == render_config(Config{}));
    CHECK(accepted(text) == Config{});
}

TEST_CASE("the installed file shows the defaults: uncommenting all of them changes nothing") {
    const std::string text = render_config(Config{});
    std::string uncommented;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        std::string line = text.substr(begin, end - begin);
        if (line.size() > 1 && line[0] == '#' && line[1] != ' ' && !line.starts_with("#strict"))
            line.erase(0, 1);
        uncommented += line + "\n";
        begin = end + 1;
    }
    CHECK(uncommented != text);
    CHECK(accepted(uncommented) == Config{});
}

TEST_CASE("a default is inside its own bounds") {
    for (const KeyPattern& key : key_patterns()) CHECK_FALSE(key.key->doc.empty());
    CHECK(accepted(render_config(Config{})) == Config{});
}

TEST_CASE("characters beyond ASCII belong into quotes and comments") {
    CHECK(
        accepted("# f\u00fcr alle\n[seccomp.profiles]\nx = \"/gr\u00fcn\\\"\u00fc\" # \u00fc\n") !=
        Config{});
    for (const char* text :
         {"\u00fc = 1\n", "[socket]\nmode = 0o660\u00fc\n", "[socket]\ngroup = \"a\"\u00fc\n"}) {
        const auto refused = parse_config(text, "f");
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().message.find("beyond ASCII") != std::string::npos);
    }
    const auto long_string = parse_config("[socket]\ngroup = \"\"\"a\"\"\"\n", "f");
    REQUIRE_FALSE(long_string.has_value());
    CHECK(long_string.error().message.starts_with("f:2: "));
}
