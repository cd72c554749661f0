#include "cli/table.h"

#include <algorithm>

#include "base/fail.h"

namespace shardrun::cli {
namespace {

using Row = std::vector<std::string>;

void widen(std::vector<std::size_t>& widths, const Row& row) {
    for (std::size_t i = 0; i < row.size(); ++i)
        widths[i] = std::max(widths[i], display_width(row[i]));
}

void append_aligned(std::string& text, const Row& row, const std::vector<std::size_t>& widths) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        text += row[i];
        // The last column is not padded: no line ends in spaces.
        if (i + 1 < row.size()) text.append(widths[i] - display_width(row[i]) + 2, ' ');
    }
    text += '\n';
}

void append_tabbed(std::string& text, const Row& row) {
    for (std::size_t i = 0; i < row.size(); ++i) text.append(i == 0 ? "" : "\t").append(row[i]);
    text += '\n';
}

}  // namespace

void Table::add(std::vector<std::string> row) {
    SR_ASSERT(row.size() == heading_.size());
    for (std::string& cell : row) cell = cell.empty() ? "-" : printable(cell);
    rows_.push_back(std::move(row));
}

std::string Table::render(bool for_people) const {
    std::string text;
    if (!for_people) {
        for (const Row& row : rows_) append_tabbed(text, row);
        return text;
    }
    std::vector<std::size_t> widths(heading_.size());
    widen(widths, heading_);
    for (const Row& row : rows_) widen(widths, row);
    append_aligned(text, heading_, widths);
    for (const Row& row : rows_) append_aligned(text, row, widths);
    return text;
}

std::size_t display_width(std::string_view text) {
    const auto begins_character = [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    };
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

std::string printable(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return result;
}

}  // namespace shardrun::cli
