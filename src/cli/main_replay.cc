#include <algorithm>
#include <exception>

#include "cli/command.h"
#include "cli/output.h"

/// Run by `shardrun replay`.
int main(int argc, char** argv) {
    using namespace shardrun::cli;
    fill_standard_descriptors();
    try {
        return replay_here(Arguments(argv + std::min(argc, 1), argv + argc));
    } catch (const std::exception& exception) {
        // Nothing throws across our rooms; this is the standard library out of memory.
        complain(exception.what());
        return kFailure;
    }
}
