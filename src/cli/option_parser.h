#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shardrun/error.h"

namespace shardrun::cli {

/// What stands behind the name of a command.
using Arguments = std::vector<std::string>;

/// The options and operands of one command, and its help. Values are taken as text; what they mean
/// is checked by those who know their units. What is bound must outlive `parse`.
class OptionParser {
 public:
    struct Description {
        std::string_view command;   ///< "run"
        std::string_view synopsis;  ///< "[OPTION]... [--] PROGRAM [ARGUMENT]..."
        std::string_view purpose;   ///< one or two sentences
        std::string_view examples;  ///< whole lines
    };
    explicit OptionParser(const Description& description);
    ~OptionParser();
    OptionParser(const OptionParser&) = delete;
    OptionParser& operator=(const OptionParser&) = delete;

    void flag(const char* name, bool& value, const char* help);
    void text(const char* name, const char* placeholder, std::optional<std::string>& value,
              const char* help);
    /// May be given more than once.
    void texts(const char* name, const char* placeholder, std::vector<std::string>& values,
               const char* help);
    /// What is no option: between `min` and `max` of them.
    void operands(const char* placeholder, std::vector<std::string>& values, std::size_t min,
                  std::size_t max);
    /// After the operands, or after "--", a program's own command line follows, untouched.
    void program(std::vector<std::string>& argv);

    /// False: help was asked for; show `help()` and end. Errors: EINVAL, with one sentence.
    Result<bool> parse(const Arguments& arguments);

    std::string help() const;
    /// Every option as "--name", for completions and their test.
    std::vector<std::string_view> option_names() const;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace shardrun::cli
