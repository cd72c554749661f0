#include "cli/option_parser.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/fail.h"
#include "cli/did_you_mean.h"
#include "cli/table.h"

namespace shardrun::cli {
namespace {

struct OptionRow {
    std::string name;         // "--memory" or "-h,--help"
    std::string placeholder;  // "SIZE", or empty for a flag
    std::string help;
};

}  // namespace

struct OptionParser::State {
    Description description;
    CLI::App app;
    std::vector<OptionRow> rows;
    std::string operand_name;
    std::vector<std::string>* operands = nullptr;
    std::size_t operands_min = 0;
    std::size_t operands_max = 0;
    std::vector<std::string>* program = nullptr;

    struct Sorted;
    Sorted sort(Arguments rest) const;
    std::ptrdiff_t end_of_options(const Arguments& arguments) const;
    std::string in_command(const std::string& sentence) const;
    Result<void> parse_options(const Arguments& arguments);
    Result<void> check(const Sorted& sorted) const;
    std::string unknown_option(const std::string& option) const;
    std::vector<std::string_view> names() const;
};

OptionParser::OptionParser(const Description& description) : state_(std::make_unique<State>()) {
    state_->description = description;
    state_->app.allow_windows_style_options(false);
    state_->app.set_help_flag("-h,--help", "");
    state_->rows.push_back({"-h,--help", "", "show this help"});
}

OptionParser::~OptionParser() = default;

void OptionParser::flag(const char* name, bool& value, const char* help) {
    state_->app.add_flag(name, value);
    state_->rows.push_back({name, "", help});
}

void OptionParser::text(const char* name, const char* placeholder,
                        std::optional<std::string>& value, const char* help) {
    // The last one counts, so that a script's defaults can be overridden behind it.
    state_->app
        .add_option_function<std::string>(name, [&value](const std::string& t) { value = t; })
        ->take_last();
    state_->rows.push_back({name, placeholder, help});
}

void OptionParser::texts(const char* name, const char* placeholder,
                         std::vector<std::string>& values, const char* help) {
    state_->app.add_option(name, values)->allow_extra_args(false);
    state_->rows.push_back({name, placeholder, std::string(help) + " (may be repeated)"});
}

void OptionParser::operands(const char* placeholder, std::vector<std::string>& values,
                            std::size_t min, std::size_t max) {
    state_->operand_name = placeholder;
    state_->operands = &values;
    state_->operands_min = min;
    state_->operands_max = max;
}

void OptionParser::program(std::vector<std::string>& argv) {
    state_->program = &argv;
}

/// The index of the first argument that is neither an option nor an option's value.
std::ptrdiff_t OptionParser::State::end_of_options(const Arguments& arguments) const {
    std::size_t i = 0;
    while (i < arguments.size()) {
        const std::string& argument = arguments[i];
        if (argument == "--" || argument.size() < 2 || argument[0] != '-') break;
        const CLI::Option* option = app.get_option_no_throw(argument);
        const bool takes_value = option != nullptr && option->get_expected_max() > 0;
        i += takes_value ? 2 : 1;
    }
    return static_cast<std::ptrdiff_t>(std::min(i, arguments.size()));
}

std::string OptionParser::State::in_command(const std::string& sentence) const {
    return fmt::format("{}: see 'shardrun {} --help'", sentence, description.command);
}

std::vector<std::string_view> OptionParser::State::names() const {
    std::vector<std::string_view> names;
    for (const OptionRow& row : rows) {
        const std::size_t comma = row.name.find(',');
        names.push_back(std::string_view(row.name).substr(comma == row.name.npos ? 0 : comma + 1));
    }
    return names;
}

std::string OptionParser::State::unknown_option(const std::string& option) const {
    const std::string name = option.substr(0, option.find('='));
    return fmt::format("'{}' is no option{}", printable(name), did_you_mean(name, names()));
}

Result<void> OptionParser::State::parse_options(const Arguments& arguments) {
    try {
        app.parse(Arguments(arguments.rbegin(), arguments.rend()));  // It pops from the back.
    } catch (const CLI::CallForHelp&) {
        throw;
    } catch (const CLI::ExtrasError&) {
        return refuse(EINVAL, "{}", in_command(unknown_option(app.remaining().front())));
    } catch (const CLI::ParseError& error) {
        return refuse(EINVAL, "{}", in_command(printable(error.what())));
    }
    return {};
}

/// The arguments, sorted into what they are.
struct OptionParser::State::Sorted {
    Arguments options;
    Arguments operands;
    Arguments program;
};

/// Options and operands may be mixed until "--" or until a program's own line begins.
OptionParser::State::Sorted OptionParser::State::sort(Arguments rest) const {
    Sorted sorted;
    bool options_are_over = false;
    while (true) {
        const auto end = rest.begin() + (options_are_over ? 0 : end_of_options(rest));
        sorted.options.insert(sorted.options.end(), rest.begin(), end);
        rest.erase(rest.begin(), end);
        if (rest.empty()) break;
        if (!options_are_over && rest.front() == "--") {
            options_are_over = true;
        } else {
            const std::size_t wanted = options_are_over ? operands_min : operands_max;
            if (program != nullptr && sorted.operands.size() >= wanted) break;
            sorted.operands.push_back(rest.front());
        }
        rest.erase(rest.begin());
    }
    sorted.program = std::move(rest);
    return sorted;
}

Result<void> OptionParser::State::check(const Sorted& sorted) const {
    if (sorted.operands.size() < operands_min)
        return refuse(EINVAL, "{}", in_command(fmt::format("{} is missing", operand_name)));
    if (sorted.operands.size() > operands_max)
        return refuse(EINVAL, "{}",
                      in_command(fmt::format("'{}' is one argument too many",
                                             printable(sorted.operands[operands_max]))));
    if (program != nullptr && sorted.program.empty())
        return refuse(EINVAL, "{}", in_command("the program to run is missing"));
    return {};
}

Result<bool> OptionParser::parse(const Arguments& arguments) {
    State::Sorted sorted = state_->sort(arguments);
    try {
        SR_DO(state_->parse_options(sorted.options));
    } catch (const CLI::CallForHelp&) {
        return false;
    }
    SR_DO(state_->check(sorted));
    if (state_->operands != nullptr) *state_->operands = std::move(sorted.operands);
    if (state_->program != nullptr) *state_->program = std::move(sorted.program);
    return true;
}

std::string OptionParser::help() const {
    const Description& description = state_->description;
    std::size_t width = 0;
    std::vector<std::string> left;
    for (const OptionRow& row : state_->rows) {
        left.push_back(row.placeholder.empty() ? row.name : row.name + " " + row.placeholder);
        width = std::max(width, left.back().size());
    }
    std::string text = fmt::format("Usage: shardrun {} {}\n\n{}\n\nOptions:\n", description.command,
                                   description.synopsis, description.purpose);
    for (std::size_t i = 0; i < left.size(); ++i)
        text += fmt::format("  {:<{}}  {}\n", left[i], width, state_->rows[i].help);
    return text + fmt::format("\nExamples:\n{}", description.examples);
}

std::vector<std::string_view> OptionParser::option_names() const {
    return state_->names();
}

}  // namespace shardrun::cli
