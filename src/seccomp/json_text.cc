#include "seccomp/json_text.h"

#include <algorithm>
#include <set>

#include "base/fail.h"

namespace shardrun::seccomp {
namespace {

using Json = nlohmann::json;

struct Place {
    std::size_t line = 1;
    std::size_t column = 1;
};

Place place_of(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, std::min(offset, text.size()));
    const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0.
    return {static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1,
            before.size() - line_start + 1};
}

// Before parsing, so that nothing can be built that is too deep to be walked. Brackets inside
// strings do not nest.
std::optional<std::size_t> too_deep_at(std::string_view text) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if ((c == '{' || c == '[') && ++depth > kProfileDepthMax) {
            return i;
        } else if ((c == '}' || c == ']') && depth > 0) {
            --depth;
        }
    }
    return std::nullopt;
}

/// Watches the parser go by and remembers the first key that stands twice.
class KeyWatch {
 public:
    bool operator()(int, Json::parse_event_t event, const Json& parsed) {
        if (event == Json::parse_event_t::object_start) keys_.emplace_back();
        if (event == Json::parse_event_t::object_end) keys_.pop_back();
        if (event != Json::parse_event_t::key) return true;
        const auto& key = parsed.get_ref<const std::string&>();
        if (!keys_.back().insert(key).second && repeated_.empty()) repeated_ = key;
        return true;
    }
    const std::string& repeated() const { return repeated_; }

 private:
    std::vector<std::set<std::string>> keys_;
    std::string repeated_;
};

// Names and numbers from outside, short enough for a sentence.
std::string short_dump(const Json& value) {
    constexpr std::size_t kShownMax = 60;
    std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > kShownMax) text = text.substr(0, kShownMax) + "…";
    return text;
}

std::string joined(std::initializer_list<std::string_view> words) {
    std::string line;
    for (const std::string_view word : words)
        line += (line.empty() ? "" : ", ") + std::string(word);
    return line;
}

}  // namespace

Result<Json> read_json(std::string_view text) {
    if (text.size() > kProfileTextMax)
        return refuse(E2BIG, "the profile is {} bytes long; at most {} are read", text.size(),
                      kProfileTextMax);
    if (const auto offset = too_deep_at(text)) {
        const Place place = place_of(text, *offset);
        return refuse(E2BIG,
                      "line {}, column {}: more than {} levels of nesting; a profile needs 5",
                      place.line, place.column, kProfileDepthMax);
    }
    KeyWatch watch;
    try {
        Json document = Json::parse(text, std::ref(watch));
        if (!watch.repeated().empty())
            return refuse(EINVAL, "the key {} stands twice in one object; remove one of them",
                          short_dump(watch.repeated()));
        return document;
    } catch (const Json::parse_error& error) {
        const Place place = place_of(text, error.byte > 0 ? error.byte - 1 : 0);
        return refuse(EINVAL,
                      "line {}, column {}: not JSON from here on; look for a missing comma, "
                      "quote or bracket",
                      place.line, place.column);
    }
}

bool JsonField::is_blank() const {
    if (value_->is_string()) return value_->get_ref<const std::string&>().empty();
    return value_->empty();
}

std::string JsonField::child_path(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

Result<void> JsonField::expect_keys(std::initializer_list<std::string_view> known) const {
    if (!value_->is_object())
        return refuse(EINVAL, "{} is {}; it must be an object",
                      path_.empty() ? "the profile" : path_, value_->type_name());
    for (const auto& [key, value] : value_->items())
        if (std::ranges::find(known, key) == known.end())
            return refuse(EINVAL, "{} is an unknown key; known here: {}",
                          child_path(short_dump(key)), joined(known));
    return {};
}

std::string JsonField::shown() const {
    return short_dump(*value_);
}

JsonField JsonField::at(const char* key) const {
    const auto found = value_->find(key);
    SR_ASSERT(found != value_->end());
    return JsonField(*found, child_path(key));
}

Result<std::vector<JsonField>> JsonField::elements() const {
    std::vector<JsonField> fields;
    if (value_->is_null()) return fields;
    if (!value_->is_array())
        return refuse(EINVAL, "{} is {}; it must be a list", path_, value_->type_name());
    for (std::size_t i = 0; i < value_->size(); ++i)
        fields.emplace_back((*value_)[i], fmt::format("{}[{}]", path_, i));
    return fields;
}

Result<std::string> JsonField::text() const {
    if (!value_->is_string())
        return refuse(EINVAL, "{} is {}; it must be a string", path_, shown());
    return value_->get<std::string>();
}

Result<std::vector<std::string>> JsonField::texts() const {
    std::vector<std::string> all;
    SR_TRY(const std::vector<JsonField> fields, elements());
    for (const JsonField& field : fields) {
        SR_TRY(std::string one, field.text());
        all.push_back(std::move(one));
    }
    return all;
}

Result<std::uint64_t> JsonField::number(std::uint64_t max) const {
    // Non-negative integers are unsigned in this library; 1.0 and -1 are not.
    if (!value_->is_number_unsigned() || value_->get<std::uint64_t>() > max)
        return refuse(EINVAL, "{} is {}; it must be an integer from 0 to {}", path_, shown(), max);
    return value_->get<std::uint64_t>();
}

}  // namespace shardrun::seccomp
