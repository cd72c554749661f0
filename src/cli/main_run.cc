#include <algorithm>
#include <exception>

#include "cli/command.h"
#include "cli/image_trees.h"
#include "cli/output.h"
#include "cli/run_here.h"

/// What `shardrun run` becomes when it is to be its own supervisor and needs an image.
int main(int argc, char** argv) {
    using namespace shardrun::cli;
    fill_standard_descriptors();
    try {
        return run_here(Arguments(argv + std::min(argc, 1), argv + argc), {make_image_trees, {}});
    } catch (const std::exception& exception) {
        // Nothing throws across our rooms; this is the standard library out of memory.
        complain(exception.what());
        return 125;
    }
}
