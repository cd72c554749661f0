// A stored filter whose digest is right, so that what lies behind the digest is reached.

#include <cerrno>
#include <span>
#include <vector>

#include "base/fail.h"
#include "seccomp/evaluate.h"
#include "seccomp/filter_file.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::seccomp;
    static const FilterKey kKey = *filter_key_of("", {0, {6, 1}, Arch::x86_64});
    std::vector<std::byte> file;
    for (const std::uint8_t byte : std::span(data, size)) file.push_back(std::byte{byte});
    const Sha256 digest = *sha256_of(file);
    for (const std::uint8_t byte : digest) file.push_back(std::byte{byte});
    const auto program = decode_filter(kKey, file);
    if (!program) {
        const int code = program.error().code;
        SR_ASSERT(code == EBADMSG || code == ESTALE || code == EINVAL);
        return 0;
    }
    SR_ASSERT(verify_filter(program->instructions));
    (void)evaluate(program->instructions, {1, AUDIT_ARCH_X86_64, 0, {}});
    SR_ASSERT(*encode_filter(kKey, *program) == file);
    return 0;
}
