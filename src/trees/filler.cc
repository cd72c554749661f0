#include "trees/filler.h"

#include <utility>

namespace shardrun::trees {

Filler::Filler(const streamer::StreamerConfig& config, sys::EventLoop& loop,
               std::function<void()> on_lost)
    : helper_(loop, {.name = "the streamer",
                     .start = [config] { return streamer::StreamerProcess::start(config); },
                     .on_lost = std::move(on_lost)}) {}

Result<std::unique_ptr<Filler>> Filler::start(const streamer::StreamerConfig& config,
                                              sys::EventLoop& loop, std::function<void()> on_lost) {
    std::unique_ptr<Filler> filler(new Filler(config, loop, std::move(on_lost)));
    SR_DO(filler->helper_.start());
    return filler;
}

Result<streamer::JobId> Filler::fill(const Order& order, sys::UniqueFd source,
                                     sys::UniqueFd destination, OnEnd on_end) {
    const auto send = [&](streamer::StreamerProcess& process, streamer::JobId job) {
        return process.fill({job, order.size_bytes, order.digest, order.urgency}, std::move(source),
                            std::move(destination));
    };
    return helper_.order(send, std::move(on_end));
}

}  // namespace shardrun::trees
