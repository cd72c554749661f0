#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>

#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{.controllers = {"io"}, .test_vm = true};

namespace {

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr const char* kFile = "/mnt/scratch/file";

IoLimit scratch_disk() {
    struct stat attributes {};
    REQUIRE(::stat("/dev/vda", &attributes) == 0);
    IoLimit limit;
    limit.major = major(attributes.st_rdev);
    limit.minor = minor(attributes.st_rdev);
    return limit;
}

ShardLimits reads(std::uint64_t bytes_per_second) {
    IoLimit limit = scratch_disk();
    limit.read_bytes_per_second = bytes_per_second;
    ShardLimits limits;
    limits.io_max = {limit};
    return limits;
}

ShardLimits writes(std::uint64_t bytes_per_second) {
    IoLimit limit = scratch_disk();
    limit.write_bytes_per_second = bytes_per_second;
    ShardLimits limits;
    limits.io_max = {limit};
    return limits;
}

void make_file() {
    std::ofstream(kFile) << std::string(16 * kMiB, 'x');
    ::sync();
}

double milliseconds_to_read(const Testbed& bed, const ShardLimits& limits) {
    Client client = bed.connect();
    return std::stod(output_of(client, in_new_shard({bed.hog(), "read", kFile, "8"}, limits)));
}

double milliseconds_to_write(const Testbed& bed, const ShardLimits& limits) {
    Client client = bed.connect();
    const UniqueFd file(::open(kFile, O_RDWR | O_DIRECT | O_CLOEXEC));
    REQUIRE(file);
    Program program(client, in_new_shard({bed.hog(), "write", "8"}, limits), file.get());
    return std::stod(program.read_line());
}

}  // namespace

TEST_CASE("io.max holds reads to its rate") {
    make_file();
    const Testbed bed(Controllers::require, "", {"/mnt/scratch"});
    const double free_ms = milliseconds_to_read(bed, {});
    const double held_ms = milliseconds_to_read(bed, reads(2 * kMiB));
    CHECK(held_ms > 3000);  // 8 MiB at 2 MiB/s, less what the kernel lets pass at the start
    CHECK(held_ms < 10000);
    CHECK(free_ms < held_ms / 3);
}

TEST_CASE("io.max holds writes to its rate") {
    make_file();
    const Testbed bed(Controllers::require, "", {"/mnt/scratch"});
    const double free_ms = milliseconds_to_write(bed, {});
    const double held_ms = milliseconds_to_write(bed, writes(2 * kMiB));
    CHECK(held_ms > 3000);
    CHECK(held_ms < 10000);
    CHECK(free_ms < held_ms / 3);
}

}  // namespace shardrun::test
