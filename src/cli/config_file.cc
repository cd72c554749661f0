#include "cli/config_file.h"

// The library asserts that a table's name begins with a letter of a name, and checks it right after
// that: "[~" must get its sentence, not abort. With NDEBUG the assertion would be an assumption.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 8
#undef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 1
#undef TOML_SHARED_LIB
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/fail.h"
#include "cli/config_check.h"
#include "cli/config_pattern.h"
#include "cli/config_value.h"
#include "cli/did_you_mean.h"

namespace shardrun::cli {
namespace {

constexpr std::size_t kClientTablesMax = 4096;
constexpr std::size_t kProfilesMax = 256;

/// Where the reader is: the table as written, the same with "*" for free names, and what its keys
/// act on.
struct Place {
    std::string path;
    std::string pattern;
    ConfigTarget target;
};

class Reader {
 public:
    explicit Reader(std::string_view file_name) : file_name_(file_name) {}

    Result<void> read_table(const toml::table& table, const Place& place);
    Result<void> check_together() const;
    supervisor::Config take() { return std::move(config_); }

 private:
    template <class... Args>
    auto refuse_at(std::uint32_t line, const std::string& path, const Error& why) const {
        return refuse(why.code, "{}:{}: {}: {}", file_name_, line, path, why.message);
    }
    Result<void> read_node(const toml::node& node, const Place& place);
    Result<Place> enter(std::uint32_t line, const Place& table, std::string_view name);
    Result<void> enter_client(std::string_view name, ConfigTarget& target);

    std::string_view file_name_;
    supervisor::Config config_;
    std::map<std::string, std::uint32_t, std::less<>> lines_;  // Of each key and table.
};

std::optional<std::int64_t> integer_of(const toml::node& node) {
    return node.value_exact<std::int64_t>();
}

RawValue raw_value(const toml::node& node) {
    if (const auto integer = integer_of(node)) return *integer;
    if (const auto* flag = node.as_boolean()) return flag->get();
    if (const auto* text = node.as_string()) return text->get();
    const toml::array* array = node.as_array();
    if (array == nullptr) return OtherType{};
    std::vector<std::string> items;
    for (const toml::node& item : *array) {
        const auto* text = item.as_string();
        if (text == nullptr) return OtherType{};
        items.push_back(text->get());
    }
    return items;
}

Result<void> Reader::read_table(const toml::table& table, const Place& place) {
    for (const auto& [key, node] : table) {
        const auto line = static_cast<std::uint32_t>(key.source().begin.line);
        SR_TRY(const Place inner, enter(line, place, key.str()));
        lines_[inner.path] = line;
        SR_DO(read_node(node, inner));
    }
    return {};
}

/// The place of `name` in `table`; refuses names that no key or table has.
Result<Place> Reader::enter(std::uint32_t line, const Place& table, std::string_view name) {
    Place inner{join_key(table.path, name), "", table.target};
    inner.pattern = match_pattern(table.pattern, name);
    if (inner.pattern.empty()) {
        const auto siblings = names_in_table(table.pattern);
        return refuse_at(line, inner.path,
                         Error{ENOENT, "is no key" + did_you_mean(name, siblings)});
    }
    inner.target.name = name;
    if (inner.pattern == "clients.*") {
        auto entered = enter_client(name, inner.target);
        if (!entered) return refuse_at(line, inner.path, entered.error());
    }
    if (inner.pattern == "clients.*.limits_max")
        inner.target.limits = &inner.target.client->limits_max;
    if (inner.pattern == "shard.limits") inner.target.limits = &config_.shard.limits;
    if (table.pattern.empty()) inner.target.config = &config_;
    return inner;
}

Result<void> Reader::enter_client(std::string_view name, ConfigTarget& target) {
    target.client = &config_.default_client;
    if (name == "default") return {};
    uid_t uid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
    const bool is_canonical = error == std::errc() && end == name.data() + name.size() &&
                              (name.size() == 1 || name.front() != '0');
    if (!is_canonical || uid > 4294967293)
        return refuse(EINVAL,
                      "'{}' is neither 'default' nor a user's number: 'id -u NAME' tells it", name);
    if (config_.clients.size() >= kClientTablesMax)
        return refuse(ERANGE, "there are more than {} tables of clients", kClientTablesMax);
    target.client = &config_.clients[uid];
    return {};
}

Result<void> Reader::read_node(const toml::node& node, const Place& place) {
    const auto line = static_cast<std::uint32_t>(node.source().begin.line);
    const ConfigKey* key = find_key(place.pattern);
    if (key == nullptr) {
        if (const toml::table* table = node.as_table()) return read_table(*table, place);
        return refuse_at(line, place.path, Error{EINVAL, "is a table: write [" + place.path + "]"});
    }
    if (place.pattern == "seccomp.profiles.*") {
        auto named = check_profile_name(place.target.name);
        if (named && config_.seccomp_profiles.size() >= kProfilesMax)
            named = refuse(ERANGE, "there are more than {} profiles", kProfilesMax);
        if (named && place.target.name == "default")
            named = refuse(EINVAL, "'default' is built in: choose another name");
        if (!named) return refuse_at(line, place.path, named.error());
    }
    const auto value = to_config_value(*key, raw_value(node));
    if (!value) return refuse_at(line, place.path, value.error());
    key->set(place.target, *value);
    return {};
}

/// The bounds between keys, reported at the line of the key that the sentence begins with.
Result<void> Reader::check_together() const {
    auto checked = check_config(config_);
    if (checked) return {};
    const std::string& sentence = checked.error().message;
    const auto found = lines_.find(sentence.substr(0, sentence.find(':')));
    const std::uint32_t line = found == lines_.end() ? 1 : found->second;
    return refuse(checked.error().code, "{}:{}: {}", file_name_, line, sentence);
}

Result<void> check_size(std::string_view text, std::string_view file_name) {
    if (text.size() > kConfigSizeMax)
        return refuse(EFBIG, "{}: {} bytes are more than {}", file_name, text.size(),
                      kConfigSizeMax);
    std::size_t line = 1;
    while (!text.empty()) {
        const std::size_t size = std::min(text.find('\n'), text.size());
        if (size > kConfigLineSizeMax)
            return refuse(EFBIG, "{}:{}: the line is longer than {} bytes", file_name, line,
                          kConfigLineSizeMax);
        text.remove_prefix(std::min(size + 1, text.size()));
        ++line;
    }
    return {};
}

/// toml++ 3.3 runs into undefined behaviour where a letter beyond ASCII stands in place of a blank,
/// so they are taken in quotes and comments only; and strings of several lines, which could hide
/// one from this look, serve no key.
class CharacterCheck {
 public:
    /// What is wrong with the next character, if anything.
    const char* next(std::string_view rest) {
        const char c = rest.front();
        if (c == '\n') *this = CharacterCheck();
        if (within_ == 0) return c == '\n' ? nullptr : outside(rest);
        if (c == within_ && c != '#' && !is_escaped_) within_ = 0;
        is_escaped_ = within_ == '"' && c == '\\' && !is_escaped_;
        return nullptr;
    }

 private:
    const char* outside(std::string_view rest) {
        const char c = rest.front();
        if (rest.starts_with("\"\"\"") || rest.starts_with("'''"))
            return "a string of several lines, which no key takes; write it in one line";
        if (c == '"' || c == '\'' || c == '#') within_ = c;
        return static_cast<unsigned char>(c) < 0x80
                   ? nullptr
                   : "a character beyond ASCII outside of quotes; put the text in quotes";
    }

    char within_ = 0;  ///< the quote that opened a string, '#' in a comment, else 0
    bool is_escaped_ = false;
};

Result<void> check_characters(std::string_view text, std::string_view file_name) {
    CharacterCheck check;
    for (std::size_t line = 1; !text.empty(); text.remove_prefix(1)) {
        const char* wrong = check.next(text);
        if (wrong != nullptr) return refuse(EINVAL, "{}:{}: {}", file_name, line, wrong);
        if (text.front() == '\n') ++line;
    }
    return {};
}

/// The library's text names the construct; its first sentence is enough.
Result<void> syntax_error(const toml::parse_error& error, std::string_view file_name) {
    return refuse(EINVAL, "{}:{}: {}", file_name, error.source().begin.line, error.description());
}

}  // namespace

Result<supervisor::Config> parse_config(std::string_view text, std::string_view file_name) {
    SR_DO(check_size(text, file_name));
    SR_DO(check_characters(text, file_name));
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        auto refused = syntax_error(parsed.error(), file_name);
        return std::unexpected(std::move(refused).error());
    }
    Reader reader(file_name);
    SR_DO(reader.read_table(parsed.table(), Place{}));
    SR_DO(reader.check_together());
    return reader.take();
}

}  // namespace shardrun::cli
