#pragma once

#include <string>
#include <vector>

namespace shardrun::bench {

/// What to measure, how often and with which programs.
struct Options {
    std::string shardrun;               ///< the command under test
    std::vector<std::string> parts;     ///< latency, rate, soak, idle; empty: all
    unsigned rounds = 300;              ///< launches of each kind in the alternating run
    unsigned rate_seconds = 3;          ///< of sustained load for each kind
    unsigned in_flight = 8;             ///< launches at once under sustained load
    unsigned mounts = 1000;             ///< extra host mounts before one of the supervisors
    unsigned supervisor_memory = 1024;  ///< MiB that another of them holds
    unsigned soak = 2000;               ///< launches in a row
    unsigned idle_shards = 200;
    unsigned idle_seconds = 10;
    bool json = false;
    bool check = false;  ///< a bound that is missed is a failure
    bool without_peers = false;

    bool wants(const std::string& part) const;
};

}  // namespace shardrun::bench
