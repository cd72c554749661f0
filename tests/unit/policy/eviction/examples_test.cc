// Each policy on a sequence short enough to be followed with a pencil.

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "policy/eviction/cache.h"

using namespace shardrun::policy;

namespace {

/// Asks for objects named by letters; "A" is a hit, "a" a miss, "-x" an eviction after it.
std::string trace(Cache& cache, std::string_view letters, std::uint64_t size = 1) {
    std::string told;
    for (const char letter : letters) {
        const Access access = cache.access(ObjectId{static_cast<std::uint64_t>(letter)}, size);
        told += access == Access::hit ? static_cast<char>(letter - 'a' + 'A') : letter;
        for (const Cache::Evicted& one : cache.evicted()) {
            told += '-';
            told += static_cast<char>(one.id);
        }
        if (access == Access::miss_refused) told += '!';
    }
    return told;
}

Cache of(EvictionPolicy policy, std::uint64_t amount) {
    return Cache(policy, {CacheBound::Unit::objects, amount});
}

}  // namespace

TEST_CASE("fifo: a hit does not save the oldest") {
    Cache cache = of(EvictionPolicy::fifo, 3);
    CHECK(trace(cache, "abcadae") == "abcAd-aa-be-c");
}

TEST_CASE("lru: a hit saves, the one unused for longest goes") {
    Cache cache = of(EvictionPolicy::lru, 3);
    CHECK(trace(cache, "abcadae") == "abcAd-bAe-c");
}

TEST_CASE("lfu: the fewest uses go, of equals the one that has had them for longest") {
    Cache cache = of(EvictionPolicy::lfu, 3);
    // After "abcab": c has 1 use, a and b 2, a for longer.
    CHECK(trace(cache, "abcab") == "abcAB");
    CHECK(trace(cache, "dd") == "d-cD");
    CHECK(trace(cache, "e") == "e-a");
    // Counts are lost with the object: a is new again, and so the next to go after e.
    CHECK(trace(cache, "af") == "a-ef-a");
}

TEST_CASE("sieve: the example of figure 1 of its paper") {
    // The queue from new to old is G F E D C B A, of which A, B and G were used. H makes the hand
    // spare A and B and take C; then I takes D; A is used again, and J takes E.
    Cache cache = of(EvictionPolicy::sieve, 7);
    CHECK(trace(cache, "abcdefgabg") == "abcdefgABG");
    CHECK(trace(cache, "hadij") == "h-cADi-ej-f");
}

TEST_CASE("sieve: a hand at the newest begins again with the oldest") {
    Cache cache = of(EvictionPolicy::sieve, 3);
    CHECK(trace(cache, "abcab") == "abcAB");
    CHECK(trace(cache, "d") == "d-c");    // Spares a and b, takes c, the newest.
    CHECK(trace(cache, "e") == "e-a");    // Not d, which came behind the hand.
    CHECK(trace(cache, "ef") == "Ef-b");  // Goes on behind a.
}

TEST_CASE(
    "s3-fifo: one use in the small queue is not enough, two are; a ghost goes to the main one") {
    Cache cache = of(EvictionPolicy::s3_fifo, 10);
    CHECK(trace(cache, "abcdefghij") == "abcdefghij");
    CHECK(trace(cache, "abb") == "ABB");
    CHECK(trace(cache, "k") == "k-a");  // One use.
    CHECK(trace(cache, "l") == "l-c");  // b had two and is in the main queue now.
    CHECK(trace(cache, "a") == "a-d");  // A ghost: into the main queue.
    CHECK(trace(cache, "mnopqrst") == "m-en-fo-gp-hq-ir-js-kt-l");
    CHECK(trace(cache, "ab") == "AB");
}

TEST_CASE("arc: what was used twice outlives a scan") {
    Cache cache = of(EvictionPolicy::arc, 4);
    CHECK(trace(cache, "abab") == "abAB");
    CHECK(trace(cache, "cdefgh") == "cde-cf-dg-eh-f");
    CHECK(trace(cache, "ab") == "AB");
}

TEST_CASE("arc: a ghost of the list of one use gives that list more room") {
    Cache cache = of(EvictionPolicy::arc, 4);
    CHECK(trace(cache, "ababcde") == "abABcde-c");
    // c is a ghost of one use: the share rises to 1 and c comes back as used again. Of the objects
    // used once, d and e, there is one too many.
    CHECK(trace(cache, "c") == "c-d");
    // The share is now 1 and e alone is within it: f takes the place of the oldest used again.
    CHECK(trace(cache, "f") == "f-a");
}

TEST_CASE("gdsf: a large object goes before small ones that were used as often") {
    Cache cache(EvictionPolicy::gdsf, {CacheBound::Unit::bytes, 100});
    CHECK(trace(cache, "a", 60) == "a");
    CHECK(trace(cache, "bc", 10) == "bc");
    CHECK(trace(cache, "d", 30) == "d-a");
    CHECK(trace(cache, "a", 60) == "a!");  // 1/60 above the clock, against 1/30 and more.
}

TEST_CASE("gdsf: what is not used any more grows old, also while newcomers are turned away") {
    Cache cache = of(EvictionPolicy::gdsf, 2);
    CHECK(trace(cache, "aaaabbbb") == "aAAAbBBB");
    CHECK(trace(cache, "cdef") == "c!d!e!f-a");
}

TEST_CASE("w-tinylfu: a newcomer wanted once does not drive out what is wanted often") {
    Cache cache = of(EvictionPolicy::w_tinylfu, 4);
    CHECK(trace(cache, "abcabcabc") == "abcABCABC");
    CHECK(trace(cache, "defgh") == "de-df-eg-fh-g");
    CHECK(trace(cache, "abc") == "ABC");
}

TEST_CASE("w-tinylfu: what does not fit into the window must be worth all that would go for it") {
    Cache cache(EvictionPolicy::w_tinylfu, {CacheBound::Unit::bytes, 100});
    CHECK(trace(cache, "ab", 50) == "ab");
    CHECK(trace(cache, "c", 100) == "c!");
    CHECK(trace(cache, "c", 100) == "c!");
    CHECK(trace(cache, "c", 100) == "c-a-b");  // Asked for thrice, against 1 + 1.
}
