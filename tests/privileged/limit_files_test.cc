#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

constexpr std::uint64_t kMiB = 1U << 20U;

}  // namespace

TEST_CASE("a program opens as many files as files_max allows and not one more") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    ShardLimits limits;
    limits.files_max = 50;
    CHECK(output_of(client, in_new_shard({bed.hog(), "files"}, limits)) ==
          "50 Too many open files\n");
}

TEST_CASE("the shard's tmpfs holds what tmpfs_size_max allows and not more") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    ShardLimits limits;
    limits.tmpfs_size_max_bytes = 8 * kMiB;
    const std::string line =
        output_of(client, in_new_shard({bed.hog(), "fill", "/tmp/file"}, limits));
    CHECK(line.ends_with("No space left on device\n"));
    CHECK(std::stol(line) >= 4);
    CHECK(std::stol(line) <= 8);
}

TEST_CASE("what one shard writes into its tmpfs is gone for the next") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    CHECK(output_of(client, in_new_shard({"sh", "-c", "echo x > /tmp/file; ls /tmp"})) == "file\n");
    CHECK(output_of(client, in_new_shard({"ls", "/tmp"})).empty());
}

}  // namespace shardrun::test
