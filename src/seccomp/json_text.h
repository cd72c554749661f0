#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/profile.h"
#include "shardrun/error.h"

namespace shardrun::seccomp {

/// Text to a JSON value, within kProfileTextMax and kProfileDepthMax. A key that stands twice in
/// one object is refused: which of the two would hold is a matter of taste. Errors: EINVAL with
/// line and column or key; E2BIG.
Result<nlohmann::json> read_json(std::string_view text);

/// A value and where it stands ("syscalls[3].args[0].op"), so that what it refuses can say so.
class JsonField {
 public:
    JsonField(const nlohmann::json& value, std::string path)
        : value_(&value), path_(std::move(path)) {}

    const std::string& path() const { return path_; }
    /// A JSON null or an empty object, list or string: Go writes them for "not given".
    bool is_blank() const;
    bool has(const char* key) const { return value_->contains(key); }

    /// Refuses when this is no object or has a key that is not listed.
    Result<void> expect_keys(std::initializer_list<std::string_view> known) const;
    /// The value under a key that has() found, or the element of a list.
    JsonField at(const char* key) const;
    Result<std::vector<JsonField>> elements() const;
    Result<std::string> text() const;
    Result<std::vector<std::string>> texts() const;
    /// The value as JSON, short and without control characters: fit for a sentence.
    std::string shown() const;
    /// An integer from 0 to `max`.
    Result<std::uint64_t> number(std::uint64_t max) const;

 private:
    std::string child_path(std::string_view key) const;

    const nlohmann::json* value_;  // Never null; the document outlives its fields.
    std::string path_;
};

}  // namespace shardrun::seccomp
