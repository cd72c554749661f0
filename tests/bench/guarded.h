#pragma once

#include <cstdio>
#include <exception>

namespace shardrun::bench {

/// What `run` returns; 2, and why, when CLI11 or the standard library throws.
inline int guarded(int (*run)(int, char**), int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "bench: %s\n", error.what());
        return 2;
    }
}

}  // namespace shardrun::bench
