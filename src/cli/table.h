#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace shardrun::cli {

/// Rows under a heading. For people the columns are aligned; else they are separated by one tab and
/// there is no heading, for `cut` and `awk`. Text is cleaned: no control character of a name that
/// came from outside reaches a terminal. Pure.
class Table {
 public:
    explicit Table(std::vector<std::string> heading) : heading_(std::move(heading)) {}

    /// As many cells as the heading has; an empty one is shown as "-".
    void add(std::vector<std::string> row);

    std::string render(bool for_people) const;

 private:
    std::vector<std::string> heading_;
    std::vector<std::vector<std::string>> rows_;
};

/// Columns that a terminal needs for UTF-8 `text`, taking one for each character.
std::size_t display_width(std::string_view text);

/// `text` with control characters replaced by '?'.
std::string printable(std::string_view text);

}  // namespace shardrun::cli
