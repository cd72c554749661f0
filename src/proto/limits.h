#pragma once

#include <cstddef>
#include <cstdint>

/// Every bound of the wire format, by name; shardrun-protocol(7) repeats them. Lengths are in
/// bytes.
namespace shardrun::proto {

inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::size_t kHeaderSize = 16;
inline constexpr std::size_t kPayloadSizeMax = std::size_t{1} << 20U;
inline constexpr std::size_t kFrameSizeMax = kHeaderSize + kPayloadSizeMax;
inline constexpr std::uint8_t kFdCountMax = 8;
inline constexpr std::size_t kBufferKeptMax = 4096;  // between two frames, per connection
inline constexpr std::size_t kTlvHeaderSize = 6;

// Names. NAME_MAX and HOST_NAME_MAX where the kernel decides, else what a table row can hold.
inline constexpr std::size_t kProfileLengthMax = 128;
inline constexpr std::size_t kSeccompProfileLengthMax = 64;
inline constexpr std::size_t kHostnameLengthMax = 64;
inline constexpr std::size_t kCapabilityLengthMax = 64;
inline constexpr std::size_t kImageLengthMax = 512;
inline constexpr std::size_t kBlobNameLengthMax = 1024;
inline constexpr std::size_t kPathLengthMax = 4095;  // PATH_MAX without its NUL
inline constexpr std::size_t kCpusetLengthMax = 1024;
inline constexpr std::size_t kSentenceLengthMax = 4096;
inline constexpr std::size_t kArgumentLengthMax = 131071;  // MAX_ARG_STRLEN without its NUL
inline constexpr std::size_t kProgramRowLengthMax = 4096;
inline constexpr std::size_t kInlineDataLengthMax = 65536;

// Counts. A list element costs its sender 6 bytes and its receiver some 40: the bound keeps that
// small.
inline constexpr std::size_t kTlvCountMax = 66560;
inline constexpr std::size_t kArgumentCountMax = 32768;
inline constexpr std::size_t kEnvironmentCountMax = 32768;
inline constexpr std::size_t kCapabilityCountMax = 64;
inline constexpr std::size_t kIoLimitCountMax = 64;
inline constexpr std::size_t kProgramCountMax = 4096;

// Figures.
inline constexpr std::uint32_t kWeightMin = 1;
inline constexpr std::uint32_t kWeightMax = 10000;
inline constexpr std::uint32_t kSignalNumberMax = 64;
inline constexpr std::uint16_t kShareMax = 10000;  // hundredths of a percent
inline constexpr std::uint32_t kControllerBits = 31;
inline constexpr std::uint32_t kErrorCodeMax = 4095;  // the kernel's MAX_ERRNO

}  // namespace shardrun::proto
