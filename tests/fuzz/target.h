#pragma once

#include <cstddef>
#include <cstdint>

/// What every fuzz target defines: looks at one input and returns 0; a finding is an abort
/// (SR_ASSERT) or a sanitizer's report.
// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
