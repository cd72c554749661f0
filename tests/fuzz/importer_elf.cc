// An ELF file, whole and in the parts that an import keeps: names within bounds, or nothing.

#include <algorithm>
#include <span>

#include "base/fail.h"
#include "importer/content_facts.h"
#include "target.h"

namespace shardrun::importer {
namespace {

void check(const ElfFacts& facts) {
    SR_ASSERT(facts.needed.size() <= 512);
    for (const std::string& name : facts.needed) SR_ASSERT(!name.empty() && name.size() < 4096);
    SR_ASSERT(facts.interpreter.find('\0') == std::string::npos);
}

}  // namespace
}  // namespace shardrun::importer

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::importer;
    const auto bytes = std::as_bytes(std::span(data, size));
    if (const auto facts = parse_elf({bytes})) check(*facts);
    const std::size_t head = std::min<std::size_t>(size, 64);
    if (const auto range = find_dynamic_section(bytes)) {
        const std::size_t at = std::min<std::size_t>(range->offset, size);
        if (const auto facts = parse_elf({bytes.first(head), bytes.subspan(at), at})) check(*facts);
    }
    ContentProbe probe;
    probe.begin("x", true);
    for (std::size_t at = 0; at < size; at += 1000)
        probe.take(bytes.subspan(at, std::min<std::size_t>(1000, size - at)));
    (void)probe.finish();
    return 0;
}
