#include "cli/option_parser.h"

#include <doctest/doctest.h>

using namespace shardrun;
using namespace shardrun::cli;

namespace {

struct Parsed {
    bool json = false;
    std::optional<std::string> memory;
    std::vector<std::string> env;
    std::vector<std::string> operands;
    std::vector<std::string> program;
    std::string error;
    bool wants_help = false;
};

/// A command with `operand_count` operands, and a program behind them if asked.
Parsed parse(const Arguments& arguments, std::size_t operand_count, bool has_program) {
    Parsed parsed;
    OptionParser parser({"test", "[OPTION]...", "Tests.", "  shardrun test\n"});
    parser.flag("--json", parsed.json, "as JSON");
    parser.text("--memory", "SIZE", parsed.memory, "memory");
    parser.texts("--env", "K=V", parsed.env, "environment");
    parser.operands("SHARD", parsed.operands, operand_count, operand_count);
    if (has_program) parser.program(parsed.program);
    const auto result = parser.parse(arguments);
    if (!result) parsed.error = result.error().message;
    if (result) parsed.wants_help = !*result;
    return parsed;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("a program's own options are left alone, with and without --") {
    for (const Arguments& arguments :
         {Arguments{"--memory", "5M", "--", "ls", "--json", "-h", "--"},
          Arguments{"--memory=5M", "ls", "--json", "-h", "--"}}) {
        const Parsed parsed = parse(arguments, 0, true);
        CHECK(parsed.error.empty());
        CHECK(parsed.memory == "5M");
        CHECK_FALSE(parsed.json);
        CHECK(parsed.program == Strings{"ls", "--json", "-h", "--"});
    }
}

TEST_CASE("the shard comes before the program, options before or after the shard") {
    for (const Arguments& arguments :
         {Arguments{"7", "--json", "--", "ls", "-l"}, Arguments{"--json", "7", "ls", "-l"},
          Arguments{"--json", "--", "7", "ls", "-l"}}) {
        const Parsed parsed = parse(arguments, 1, true);
        CHECK(parsed.error.empty());
        CHECK(parsed.json);
        CHECK(parsed.operands == Strings{"7"});
        CHECK(parsed.program == Strings{"ls", "-l"});
    }
}

TEST_CASE("a repeatable option takes one value each time") {
    const Parsed parsed = parse({"--env", "A=1", "--env=B=2", "ls", "x"}, 0, true);
    CHECK(parsed.env == Strings{"A=1", "B=2"});
    CHECK(parsed.program == Strings{"ls", "x"});
}

TEST_CASE("of an option that is given twice the last one counts") {
    CHECK(parse({"--memory", "1M", "--memory", "2M", "ls"}, 0, true).memory == "2M");
}

TEST_CASE("an option that does not exist is refused with the one that was meant") {
    CHECK(parse({"--memry", "5M", "ls"}, 0, true).error ==
          "'--memry' is no option (did you mean '--memory'?): see 'shardrun test --help'");
    CHECK(parse({"--xyzzy=5"}, 0, false).error ==
          "'--xyzzy' is no option: see 'shardrun test --help'");
}

TEST_CASE("a value, an operand or a program that is missing is said to be") {
    CHECK(parse({"--memory"}, 0, true).error.find("--memory") != std::string::npos);
    CHECK(parse({"--json"}, 0, true).error ==
          "the program to run is missing: see 'shardrun test --help'");
    CHECK(parse({}, 1, false).error == "SHARD is missing: see 'shardrun test --help'");
    CHECK(parse({"1", "2"}, 1, false).error ==
          "'2' is one argument too many: see 'shardrun test --help'");
}

TEST_CASE("help names every option, and is help even when the rest is wrong") {
    CHECK(parse({"--help"}, 1, true).wants_help);
    CHECK(parse({"-h"}, 0, false).wants_help);
    OptionParser parser({"test", "[OPTION]...", "Tests.", "  shardrun test\n"});
    bool json = false;
    parser.flag("--json", json, "as JSON");
    CHECK(parser.help() ==
          "Usage: shardrun test [OPTION]...\n\nTests.\n\nOptions:\n  -h,--help  show this help\n"
          "  --json     as JSON\n\nExamples:\n  shardrun test\n");
}
