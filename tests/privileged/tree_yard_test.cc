// Trees that are made in pieces, and ahead, of images that nobody stored: what is in them does not
// matter here.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdlib>

#include "base/fail.h"
#include "image/manifest.h"
#include "privileged/needs.h"
#include "support/fd_census.h"
#include "support/run_until.h"
#include "support/temp_dir.h"
#include "sys/real_clock.h"
#include "trees/spare_trees.h"
#include "trees/tree_yard.h"

using namespace shardrun;
using namespace shardrun::trees;

namespace shardrun::test {
const Needs kNeeds{};
}  // namespace shardrun::test

namespace {

using Haste = TreeYard::Haste;
constexpr std::chrono::seconds kLong{60};

template <class T>
T must(Result<T> result) {
    REQUIRE_MESSAGE(result, (result ? "" : result.error().message));
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

image::Entry entry(std::string path, image::EntryType type) {
    image::Entry made;
    made.path = std::move(path);
    made.type = type;
    made.mode = 0755;
    return made;
}

TreeYard::Plan plan_of(std::size_t files) {
    std::vector<image::Entry> entries{entry("", image::EntryType::directory)};
    for (std::size_t i = 0; i < files; ++i) {
        entries.push_back(entry(fmt::format("{:06}", i), image::EntryType::file));
        entries.back().size_bytes = 1;
    }
    const auto manifest = must(image::Manifest::create(std::move(entries), {}, {}));
    return std::make_shared<const TreePlan>(must(TreePlan::create(manifest)));
}

struct Bench {
    test::TempDir folder;
    sys::RealClock clock;
    std::unique_ptr<sys::EventLoop> loop = must(sys::EventLoop::create(clock));
    std::unique_ptr<Filler> filler;
    std::unique_ptr<Supply> supply;
    std::unique_ptr<TreeYard> yard;

    Bench() {
        streamer::StreamerConfig config;
        config.program = std::getenv("SHARDRUN_STREAMER");  // NOLINT(concurrency-mt-unsafe)
        filler = must(Filler::start(config, *loop, [] {}));
        supply = std::make_unique<Supply>(*loop, *filler, nullptr);
        yard = std::make_unique<TreeYard>(
            TreeYard::Config{folder.path("anchors"), std::uint64_t{1} << 30U},
            TreeContext{*loop, *supply});
    }

    template <class Condition>
    void run_until(const Condition& condition) {
        test::run_until(*loop, condition);
    }

    int opens(const MadeTree& made) const { return made.tree->open() ? 1 : 0; }
};

}  // namespace

TEST_CASE("others are heard while a large tree is made") {
    Bench bench;
    bool is_made = false;
    std::uint64_t heard = 0;
    bench.yard->order(plan_of(20'000), Haste::awaited, [&](Result<MadeTree> made) {
        is_made = true;
        CHECK(bench.opens(must(std::move(made))) == 1);
    });
    std::function<void()> hear = [&] {
        ++heard;
        if (!is_made) bench.loop->set_timer(bench.loop->now(), hear);
    };
    hear();
    bench.run_until([&] { return is_made; });
    CHECK(heard > 100);
}

TEST_CASE("what is awaited takes turns, and comes before what is not") {
    Bench bench;
    std::string order;
    const auto note = [&](char name) {
        return [&order, name](Result<MadeTree> made) {
            must(std::move(made));
            order += name;
        };
    };
    bench.yard->order(plan_of(3000), Haste::ahead, note('c'));
    must(bench.loop->run_once());
    bench.yard->order(plan_of(2000), Haste::awaited, note('a'));
    bench.yard->order(plan_of(10), Haste::awaited, note('b'));
    bench.run_until([&] { return order.size() == 3; });
    CHECK(order == "bac");
}

TEST_CASE("of one that is not wanted any more nothing is left and nobody is told") {
    Bench bench;
    const auto before = test::fd_census();
    const auto order = bench.yard->order(plan_of(20'000), Haste::awaited,
                                         [](const Result<MadeTree>&) { CHECK(false); });
    for (int i = 0; i < 5; ++i) must(bench.loop->run_once());
    CHECK(test::fd_census() != before);
    bench.yard->cancel(order);
    bool is_made = false;
    bench.yard->order(plan_of(1), Haste::awaited, [&](const auto&) { is_made = true; });
    bench.run_until([&] { return is_made; });
    CHECK(test::fd_census() == before);
}

TEST_CASE("one that cannot be made is refused, and the next one is made") {
    Bench bench;
    int code = 0;
    bool is_made = false;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{0, before.rlim_max};
    bench.yard->order(plan_of(1), Haste::awaited, [&](const Result<MadeTree>& made) {
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
        code = made ? 0 : made.error().code;
        bench.yard->order(plan_of(1), Haste::awaited,
                          [&](const auto& next) { is_made = next.has_value(); });
    });
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    bench.run_until([&] { return is_made; });
    CHECK(code == EMFILE);
}

TEST_CASE("an image that is used again finds a tree ready, until it is forgotten") {
    Bench bench;
    const auto plan = plan_of(100);
    const blob::Digest image{};
    SpareTrees spares({2, std::chrono::milliseconds(400)}, *bench.loop, *bench.yard);
    CHECK(!spares.take(image, plan));
    for (int i = 0; i < 20; ++i) must(bench.loop->run_once(std::chrono::milliseconds(1)));
    CHECK(spares.ready_count() == 0);
    CHECK(!spares.take(image, plan));
    bench.run_until([&] { return spares.ready_count() == 2; });
    auto spare = spares.take(image, plan);
    CHECK((spare && bench.opens(*spare) == 1));
    bench.run_until([&] { return spares.ready_count() == 0; });
}

TEST_CASE("where none may be kept ready, none is") {
    Bench bench;
    SpareTrees spares({0, kLong}, *bench.loop, *bench.yard);
    for (int i = 0; i < 10; ++i) {
        CHECK(!spares.take({}, plan_of(1)));
        must(bench.loop->run_once(std::chrono::milliseconds(1)));
    }
    CHECK(spares.ready_count() == 0);
}
