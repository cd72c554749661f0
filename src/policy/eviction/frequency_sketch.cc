#include "policy/eviction/frequency_sketch.h"

#include <algorithm>

#include "policy/eviction/mix.h"

namespace shardrun::policy {
namespace {

constexpr unsigned kRows = 4;
constexpr std::uint64_t kCounterMax = 15;

/// Where a row counts an object: a word, and a counter in the word's quarter of that row.
struct Place {
    std::size_t word;
    unsigned shift;
};

Place place_of(std::uint64_t hash, unsigned row, std::size_t words) {
    const std::uint64_t own = mix(hash + (row + 1) * 0x9e3779b97f4a7c15U);
    const unsigned counter = 4 * row + static_cast<unsigned>(own >> 62U);
    return {static_cast<std::size_t>(own) & (words - 1), 4 * counter};
}

}  // namespace

void FrequencySketch::add(ObjectId id) {
    const auto hash = static_cast<std::uint64_t>(id);
    bool has_added = false;
    for (unsigned row = 0; row < kRows; ++row) {
        const Place place = place_of(hash, row, words_.size());
        std::uint64_t& word = words_[place.word];
        if (((word >> place.shift) & kCounterMax) == kCounterMax) continue;
        word += std::uint64_t{1} << place.shift;
        has_added = true;
    }
    if (has_added && ++added_ >= period()) halve();
}

std::uint32_t FrequencySketch::estimate(ObjectId id) const {
    const auto hash = static_cast<std::uint64_t>(id);
    std::uint64_t least = kCounterMax;
    for (unsigned row = 0; row < kRows; ++row) {
        const Place place = place_of(hash, row, words_.size());
        least = std::min(least, (words_[place.word] >> place.shift) & kCounterMax);
    }
    return static_cast<std::uint32_t>(least);
}

void FrequencySketch::reserve(std::size_t objects) {
    while (words_.size() < objects) {
        // A place in the doubled table is one of two that were one before: both go on from it.
        const std::size_t size = words_.size();
        words_.resize(2 * size);
        std::copy_n(words_.begin(), size, words_.begin() + static_cast<std::ptrdiff_t>(size));
    }
}

void FrequencySketch::halve() {
    for (std::uint64_t& word : words_) word = (word >> 1U) & 0x7777777777777777U;
    added_ /= 2;
}

}  // namespace shardrun::policy
