#include "cli/table.h"

#include <doctest/doctest.h>

using shardrun::cli::display_width;
using shardrun::cli::printable;
using shardrun::cli::Table;

TEST_CASE("a table for people is aligned and has a heading") {
    Table table({"ID", "STATE"});
    table.add({"7", "active"});
    table.add({"1234", ""});
    CHECK(table.render(true) == "ID    STATE\n7     active\n1234  -\n");
}

TEST_CASE("a table for programs has tabs and no heading") {
    Table table({"ID", "STATE"});
    table.add({"7", "active"});
    table.add({"1234", ""});
    CHECK(table.render(false) == "7\tactive\n1234\t-\n");
}

TEST_CASE("an empty table shows its heading to people and nothing to programs") {
    const Table table({"ID", "STATE"});
    CHECK(table.render(true) == "ID  STATE\n");
    CHECK(table.render(false).empty());
}

TEST_CASE("columns are counted in characters, not in bytes") {
    CHECK(display_width("grün") == 4);
    Table table({"A", "B"});
    table.add({"ü", "x"});
    CHECK(table.render(true) == "A  B\nü  x\n");
}

TEST_CASE("control characters never reach the terminal") {
    CHECK(printable("a\x1b[31m\tb\n") == "a?[31m?b?");
    Table table({"A"});
    table.add({"\x1b]0;x\x07"});
    CHECK(table.render(true).find('\x1b') == std::string::npos);
}
