#pragma once

#include "gate/gate_state.h"
#include "streamer/message.h"

namespace shardrun::trees {

/// What a streamer's report is to a gate.
constexpr gate::FillVerdict verdict_of(streamer::Outcome outcome) {
    switch (outcome) {
        case streamer::Outcome::complete:
            return gate::FillVerdict::complete;
        case streamer::Outcome::wrong_size:
        case streamer::Outcome::wrong_digest:
            return gate::FillVerdict::bad_content;
        case streamer::Outcome::cancelled:
            return gate::FillVerdict::cancelled;
        case streamer::Outcome::failed:
            break;
    }
    return gate::FillVerdict::failed;
}

}  // namespace shardrun::trees
