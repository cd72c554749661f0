// Runs one fuzz target without libFuzzer: replays its corpus, then inputs mutated from it. One seed
// gives one run, so a finding comes again.
//
//     TARGET [--seed=N] [--runs=N] FILE_OR_DIRECTORY...
//
// The input that was under way at an abort goes to stderr as hex.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "mutate.h"
#include "target.h"

namespace shardrun::fuzz {
namespace {

constexpr std::size_t kInputSizeMax = 16384;

struct Options {
    std::uint64_t seed = 1;
    std::uint64_t runs = 0;
    std::vector<std::string> paths;
    bool is_valid = true;
};

/// Read by the handler of SIGABRT only.
const Input* input_under_way = nullptr;

/// Only calls that a signal handler may make.
extern "C" void show_input(int) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    constexpr std::string_view kBegin = "the input was: ";
    (void)!::write(STDERR_FILENO, kBegin.data(), kBegin.size());
    for (std::size_t i = 0; input_under_way != nullptr && i < input_under_way->size(); ++i) {
        const std::uint8_t byte = (*input_under_way)[i];
        const std::array<char, 2> hex{kDigits[byte >> 4U], kDigits[byte & 15U]};
        (void)!::write(STDERR_FILENO, hex.data(), hex.size());
    }
    (void)!::write(STDERR_FILENO, "\n", 1);
}

bool parse_number(std::string_view text, std::string_view name, std::uint64_t& value) {
    if (!text.starts_with(name)) return false;
    const char* const begin = text.data() + name.size();
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(begin, end, value);
    return parsed.ec == std::errc() && parsed.ptr == end;
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (parse_number(argument, "--seed=", options.seed)) continue;
        if (parse_number(argument, "--runs=", options.runs)) continue;
        options.is_valid = options.is_valid && !argument.starts_with("-");
        options.paths.emplace_back(argument);
    }
    return options;
}

Input load(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return Input(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

/// In the order of their names: the run must not depend on the directory's order.
std::vector<Input> load_all(const std::vector<std::string>& paths) {
    std::vector<std::filesystem::path> files;
    for (const std::string& path : paths) {
        if (!std::filesystem::is_directory(path)) {
            files.emplace_back(path);
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(path))
            files.push_back(entry.path());
    }
    std::ranges::sort(files);
    std::vector<Input> corpus;
    corpus.reserve(files.size());
    for (const std::filesystem::path& file : files) corpus.push_back(load(file));
    return corpus;
}

void run(const Input& input) {
    input_under_way = &input;
    // A copy of its own and of its exact size: a read beyond it is one that the sanitizer sees.
    const Input exact(input.begin(), input.end());
    (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
    input_under_way = nullptr;
}

int run_all(const Options& options) {
    const std::vector<Input> corpus = load_all(options.paths);
    if (corpus.empty()) {
        (void)std::fprintf(stderr, "no input in the corpus\n");
        return 2;
    }
    run({});
    for (const Input& input : corpus) run(input);
    Rng rng(options.seed);
    for (std::uint64_t i = 0; i < options.runs; ++i) run(mutate(rng, corpus, kInputSizeMax));
    std::printf("%zu inputs of the corpus, %llu mutated ones, seed %llu: nothing found\n",
                corpus.size(), static_cast<unsigned long long>(options.runs),
                static_cast<unsigned long long>(options.seed));
    return 0;
}

}  // namespace
}  // namespace shardrun::fuzz

int main(int argc, char** argv) {
    const auto options = shardrun::fuzz::parse(argc, argv);
    if (!options.is_valid) {
        (void)std::fprintf(stderr, "usage: %s [--seed=N] [--runs=N] FILE_OR_DIRECTORY...\n",
                           argv[0]);
        return 2;
    }
    (void)std::signal(SIGABRT, shardrun::fuzz::show_input);
    return shardrun::fuzz::run_all(options);
}
