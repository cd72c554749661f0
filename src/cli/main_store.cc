#include <algorithm>
#include <exception>

#include "cli/command.h"
#include "cli/output.h"

/// Run by `shardrun blob` and `shardrun image`; the first argument says which.
int main(int argc, char** argv) {
    using namespace shardrun::cli;
    fill_standard_descriptors();
    try {
        const Arguments words(argv + std::min(argc, 2), argv + argc);
        const std::string_view command = argc > 1 ? argv[1] : "";
        if (command == "blob") return blob_here(words);
        if (command == "image") return image_here(words);
        complain("this is a part of shardrun: use 'shardrun blob' or 'shardrun image'");
        return kUsage;
    } catch (const std::exception& exception) {
        // Nothing throws across our rooms; this is the standard library out of memory.
        complain(exception.what());
        return kFailure;
    }
}
