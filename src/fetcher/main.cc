// The fetcher: gets blobs from the configured origins into the files that it is given.
//
//     shardrun-fetch KEY=VALUE...
//
// Orders come over descriptor 3; the keys are those of fetcher/options.cc.

#include <curl/curl.h>
#include <netdb.h>
#include <signal.h>

#include "base/fail.h"
#include "base/log.h"
#include "blob/digest.h"
#include "fetcher/confine.h"
#include "fetcher/fetcher.h"
#include "sys/real_clock.h"

namespace shardrun::fetcher {
namespace {

constexpr int kControl = 3;

/// Libraries open what they need now: modules that look up names could not be loaded later, since
/// nothing new may be executed.
Result<void> warm_up() {
    (void)blob::digest_of({});
    if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fail(ENOMEM, "begin");
    addrinfo* addresses = nullptr;
    // The result does not matter.
    if (::getaddrinfo("localhost", nullptr, nullptr, &addresses) == 0) ::freeaddrinfo(addresses);
    return {};
}

Result<void> fetch(std::span<const char* const> arguments) {
    SR_TRY(const FetchOptions options, parse_arguments(arguments));
    // A server that goes while we write is a failed request and no more.
    if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return fail_errno("ignore SIGPIPE");
    SR_DO(warm_up());
    sys::RealClock clock;
    Fetcher fetcher(kControl, options, clock);
    SR_DO(fetcher.start());
    SR_DO(confine(fetcher.directories(), options.ca_file));
    return fetcher.run();
}

}  // namespace
}  // namespace shardrun::fetcher

int main(int argc, char** argv) {
    using namespace shardrun;
    const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
    if (argc < 2) {
        log(LogLevel::error, "shardrun-fetch is started by shardrun, not by hand");
        return 2;
    }
    const auto done = fetcher::fetch(words.subspan(1));
    if (done) return 0;
    log(LogLevel::error, "{}", done.error().message);
    return 1;
}
