// The streamer: reads blobs, hashes them and writes them where it is told, with the descriptors
// that it is given and with nothing else.
//
//     shardrun-streamer PREFETCH_WORKERS PREFETCH_IN_FLIGHT_BYTES ring|no-ring
//
// Orders come over descriptor 3.

#include <charconv>
#include <string_view>

#include "base/fail.h"
#include "base/log.h"
#include "blob/digest.h"
#include "streamer/confine.h"
#include "streamer/streamer.h"

namespace shardrun::streamer {
namespace {

constexpr int kControl = 3;
constexpr unsigned kWorkersMax = 64;

template <class T>
bool parse(std::string_view text, T& value) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

Result<void> stream(const StreamerOptions& options) {
    (void)blob::digest_of({});  // libcrypto opens what it needs now.
    Streamer streamer(kControl, options);
    SR_DO(streamer.start());
    SR_DO(confine());
    return streamer.run();
}

}  // namespace
}  // namespace shardrun::streamer

int main(int argc, char** argv) {
    using namespace shardrun;
    streamer::StreamerOptions options;
    if (argc != 4 || !streamer::parse(argv[1], options.prefetch_workers) ||
        !streamer::parse(argv[2], options.prefetch_in_flight_bytes) ||
        options.prefetch_workers == 0 || options.prefetch_workers > streamer::kWorkersMax) {
        log(LogLevel::error, "shardrun-streamer is started by shardrun, not by hand");
        return 2;
    }
    options.has_ring = std::string_view(argv[3]) == "ring";
    const auto done = streamer::stream(options);
    if (done) return 0;
    log(LogLevel::error, "{}", done.error().message);
    return 1;
}
