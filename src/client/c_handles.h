#pragma once

#include <cstdint>
#include <string>

#include "shardrun/client.h"
#include "shardrun/shardrun.h"

/// What the opaque types of the C interface are.
struct shardrun_client {
    shardrun::Client client;
    std::string last_error;
    std::uint64_t last_correlation = 0;
    bool is_blocking = true;
};

struct shardrun_frame {
    shardrun::ReceivedFrame received;
};
