#include "mutate.h"

#include <algorithm>
#include <array>

namespace shardrun::fuzz {
namespace {

struct Piece {
    std::ptrdiff_t begin = 0;
    std::ptrdiff_t end = 0;
};

Piece any_piece(Rng& rng, const Input& input, std::size_t size_max) {
    const std::size_t begin = rng.below(input.size() + 1);
    const std::size_t size = rng.below(std::min(size_max, input.size() - begin) + 1);
    return {static_cast<std::ptrdiff_t>(begin), static_cast<std::ptrdiff_t>(begin + size)};
}

void flip_bit(Rng& rng, Input& input) {
    if (!input.empty())
        input[rng.below(input.size())] ^= static_cast<std::uint8_t>(1U << rng.below(8));
}

/// A number of 1, 2, 4 or 8 bytes that parsers get wrong.
void put_number(Rng& rng, Input& input) {
    static constexpr std::array<std::uint64_t, 12> kNumbers{
        0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, 1U << 20U, ~0ULL};
    const std::size_t size = std::size_t{1} << rng.below(4);
    if (input.size() < size) return;
    const std::uint64_t number = kNumbers.at(rng.below(kNumbers.size())) + rng.below(3) - 1;
    const std::size_t at = rng.below(input.size() - size + 1);
    for (std::size_t i = 0; i < size; ++i)
        input[at + i] = static_cast<std::uint8_t>(number >> (8 * i));
}

void put_byte(Rng& rng, Input& input) {
    const auto byte = static_cast<std::uint8_t>(rng.below(256));
    if (rng.chance(50) && !input.empty()) {
        input[rng.below(input.size())] = byte;
        return;
    }
    input.insert(input.begin() + static_cast<std::ptrdiff_t>(rng.below(input.size() + 1)), byte);
}

void leave_out(Rng& rng, Input& input) {
    const Piece piece = any_piece(rng, input, rng.chance(80) ? 8 : input.size());
    input.erase(input.begin() + piece.begin, input.begin() + piece.end);
}

void take_from(Rng& rng, Input& input, const Input& other) {
    const Piece piece = any_piece(rng, other, rng.chance(80) ? 64 : other.size());
    const Input copied(other.begin() + piece.begin, other.begin() + piece.end);
    const auto at = static_cast<std::ptrdiff_t>(rng.below(input.size() + 1));
    input.insert(input.begin() + at, copied.begin(), copied.end());
}

void change(Rng& rng, Input& input, const std::vector<Input>& corpus) {
    switch (rng.below(6)) {
        case 0:
            return flip_bit(rng, input);
        case 1:
            return put_number(rng, input);
        case 2:
            return put_byte(rng, input);
        case 3:
            return leave_out(rng, input);
        case 4:
            return take_from(rng, input, input);
        default:
            return take_from(rng, input, corpus[rng.below(corpus.size())]);
    }
}

}  // namespace

Input mutate(Rng& rng, const std::vector<Input>& corpus, std::size_t size_max) {
    Input input = corpus[rng.below(corpus.size())];
    for (std::uint64_t changes = 1 + rng.below(8); changes > 0; --changes)
        change(rng, input, corpus);
    if (input.size() > size_max) input.resize(size_max);
    return input;
}

}  // namespace shardrun::fuzz
