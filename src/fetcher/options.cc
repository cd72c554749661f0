#include "fetcher/options.h"

#include <charconv>
#include <functional>
#include <string_view>

#include "base/fail.h"

namespace shardrun::fetcher {
namespace {

constexpr std::uint64_t kYearMs = std::uint64_t{366} * 24 * 3600 * 1000;

struct Number {
    std::string_view key;
    std::uint64_t min;
    std::uint64_t max;
    std::function<std::uint64_t(const FetchOptions&)> get;
    std::function<void(FetchOptions&, std::uint64_t)> set;
};

template <class Duration>
Number duration(std::string_view key, std::uint64_t min, Duration RetryPolicy::*member) {
    return {key, min, kYearMs,
            [member](const FetchOptions& options) {
                return static_cast<std::uint64_t>((options.retry.*member).count());
            },
            [member](FetchOptions& options, std::uint64_t value) {
                options.retry.*member = Duration(value);
            }};
}

template <class Duration>
Number duration(std::string_view key, std::uint64_t min, Duration FetchOptions::*member) {
    return {key, min, kYearMs,
            [member](const FetchOptions& options) {
                return static_cast<std::uint64_t>((options.*member).count());
            },
            [member](FetchOptions& options, std::uint64_t value) {
                options.*member = Duration(value);
            }};
}

const std::vector<Number>& numbers() {
    using Options = FetchOptions;
    static const std::vector<Number> all{
        {"attempts", 1, 1000, [](const Options& o) { return o.retry.attempts_max; },
         [](Options& o, std::uint64_t v) { o.retry.attempts_max = static_cast<unsigned>(v); }},
        duration("backoff-first-ms", 1, &RetryPolicy::backoff_first),
        duration("backoff-max-ms", 1, &RetryPolicy::backoff_max),
        duration("retry-after-max-ms", 0, &RetryPolicy::retry_after_max),
        duration("deadline-ms", 1, &RetryPolicy::deadline),
        {"transfers", 1, 256, [](const Options& o) { return o.transfers_max; },
         [](Options& o, std::uint64_t v) { o.transfers_max = static_cast<unsigned>(v); }},
        duration("connect-timeout-ms", 1, &FetchOptions::connect_timeout),
        duration("stall-time-s", 1, &FetchOptions::stall_time),
        {"stall-bytes-per-s", 1, 1U << 30U, [](const Options& o) { return o.stall_bytes_per_s; },
         [](Options& o, std::uint64_t v) { o.stall_bytes_per_s = v; }},
        {"seed", 0, ~std::uint64_t{0}, [](const Options& o) { return o.seed; },
         [](Options& o, std::uint64_t v) { o.seed = v; }},
    };
    return all;
}

Result<void> set_number(FetchOptions& options, std::string_view key, std::string_view text) {
    for (const Number& number : numbers()) {
        if (number.key != key) continue;
        std::uint64_t value = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
        if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
            value < number.min || value > number.max)
            return refuse(EINVAL, "'{}={}' is not within {}..{}", key, text, number.min,
                          number.max);
        number.set(options, value);
        return {};
    }
    return refuse(EINVAL, "there is no option '{}'", key);
}

Result<void> set(FetchOptions& options, std::string_view argument) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string_view::npos) return refuse(EINVAL, "'{}' has no '='", argument);
    const std::string_view key = argument.substr(0, equals);
    const std::string_view value = argument.substr(equals + 1);
    if (key == "ca-file") {
        options.ca_file = value;
        return {};
    }
    if (key != "origin") return set_number(options, key, value);
    if (options.origins.size() == kOriginsMax)
        return refuse(EINVAL, "more than {} origins", kOriginsMax);
    SR_TRY(Origin origin, parse_origin(value));
    options.origins.push_back(std::move(origin));
    return {};
}

}  // namespace

std::vector<std::string> to_arguments(const FetchOptions& options) {
    std::vector<std::string> arguments;
    for (const Number& number : numbers())
        arguments.push_back(fmt::format("{}={}", number.key, number.get(options)));
    arguments.push_back("ca-file=" + options.ca_file);
    for (const Origin& origin : options.origins) arguments.push_back("origin=" + origin.name);
    return arguments;
}

Result<FetchOptions> parse_arguments(std::span<const char* const> arguments) {
    FetchOptions options;
    for (const char* const argument : arguments) SR_DO(set(options, argument));
    return options;
}

}  // namespace shardrun::fetcher
