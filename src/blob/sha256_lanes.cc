#include "blob/sha256_lanes.h"

#ifdef __x86_64__

#include <cpuid.h>
#include <immintrin.h>

#include <array>

#include "base/fail.h"

namespace shardrun::blob {
namespace {

constexpr std::size_t kBlock = 64;
constexpr std::size_t kGroups = 16;           // Of four rounds.
constexpr std::size_t kScheduledGroups = 12;  // Those whose words a later group needs.

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
alignas(16) constexpr std::array<std::uint32_t, 64> kRoundWords{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The eight words in the order in which the instructions want them.
struct State {
    __m128i abef;
    __m128i cdgh;
};

__attribute__((target("sha,sse4.1"))) State load_state(const std::uint32_t* words) {
    const auto* const in = reinterpret_cast<const __m128i*>(words);
    const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(in), 0xB1);
    const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(in + 1), 0x1B);
    return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xF0)};
}

__attribute__((target("sha,sse4.1"))) void store_state(std::uint32_t* words, const State& state) {
    auto* const out = reinterpret_cast<__m128i*>(words);
    const __m128i feba = _mm_shuffle_epi32(state.abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(state.cdgh, 0xB1);
    _mm_storeu_si128(out, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128(out + 1, _mm_alignr_epi8(dchg, feba, 8));
}

template <std::size_t kCount>
__attribute__((target("sha,sse4.1"))) void compress(const Lane* lanes, std::size_t block_count) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    std::array<State, kCount> states;
    std::array<const std::byte*, kCount> at;
    for (std::size_t i = 0; i < kCount; ++i) {
        states[i] = load_state(lanes[i].words);
        at[i] = lanes[i].blocks;
    }
    for (; block_count > 0; --block_count) {
        std::array<State, kCount> now = states;
        __m128i words[kCount][4];
#pragma GCC unroll 16
        for (std::size_t group = 0; group < kGroups; ++group) {
            const __m128i round =
                _mm_load_si128(reinterpret_cast<const __m128i*>(kRoundWords.data()) + group);
#pragma GCC unroll 4
            for (std::size_t i = 0; i < kCount; ++i) {
                __m128i& word = words[i][group % 4];
                if (group < 4)
                    word = _mm_shuffle_epi8(
                        _mm_loadu_si128(reinterpret_cast<const __m128i*>(at[i]) + group),
                        big_endian);
                const __m128i sum = _mm_add_epi32(word, round);
                now[i].cdgh = _mm_sha256rnds2_epu32(now[i].cdgh, now[i].abef, sum);
                now[i].abef =
                    _mm_sha256rnds2_epu32(now[i].abef, now[i].cdgh, _mm_shuffle_epi32(sum, 0x0E));
            }
            // The words of four groups later, once all that they are made of are there.
            if (group < 3 || group - 3 >= kScheduledGroups) continue;
#pragma GCC unroll 4
            for (std::size_t i = 0; i < kCount; ++i) {
                __m128i& oldest = words[i][(group - 3) % 4];
                const __m128i middle =
                    _mm_alignr_epi8(words[i][group % 4], words[i][(group - 1) % 4], 4);
                oldest = _mm_sha256msg2_epu32(
                    _mm_add_epi32(_mm_sha256msg1_epu32(oldest, words[i][(group - 2) % 4]), middle),
                    words[i][group % 4]);
            }
        }
        for (std::size_t i = 0; i < kCount; ++i) {
            states[i].abef = _mm_add_epi32(states[i].abef, now[i].abef);
            states[i].cdgh = _mm_add_epi32(states[i].cdgh, now[i].cdgh);
            at[i] += kBlock;
        }
    }
    for (std::size_t i = 0; i < kCount; ++i) store_state(lanes[i].words, states[i]);
}

}  // namespace

bool has_lanes() {
    constexpr unsigned kSha = 1U << 29U;    // Leaf 7, EBX.
    constexpr unsigned kSse41 = 1U << 19U;  // Leaf 1, ECX.
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kSse41) == 0) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kSha) != 0;
}

void compress_lanes(std::span<const Lane> lanes, std::size_t block_count) {
    static_assert(kLanesMax == 4);
    SR_ASSERT(lanes.size() >= 2 && lanes.size() <= kLanesMax);
    if (lanes.size() == 2) return compress<2>(lanes.data(), block_count);
    if (lanes.size() == 3) return compress<3>(lanes.data(), block_count);
    compress<4>(lanes.data(), block_count);
}

}  // namespace shardrun::blob

#else

namespace shardrun::blob {

bool has_lanes() {
    return false;
}

void compress_lanes(std::span<const Lane> /*lanes*/, std::size_t /*block_count*/) {}

}  // namespace shardrun::blob

#endif
