#include <doctest/doctest.h>

#include <cerrno>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "proto/frame.h"
#include "raw_frame.h"

namespace shardrun::proto {
namespace {

constexpr std::uint64_t kU32Max = 0xffffffff;

void check_accepted(const RawFrame& raw) {
    const auto decoded = decode_frame(raw.bytes());
    REQUIRE_MESSAGE(decoded, decoded.error().error.message);
    // What decodes can be sent, and comes back.
    const auto encoded = encode_frame(*decoded);
    REQUIRE_MESSAGE(encoded, encoded.error().message);
    CHECK(decode_frame(*encoded) == decoded);
}

void check_refused(const RawFrame& raw, std::size_t offset, const std::string& part) {
    const auto decoded = decode_frame(raw.bytes());
    REQUIRE(!decoded);
    CAPTURE(decoded.error().error.message);
    CHECK(decoded.error().error.code == EPROTO);
    CHECK(decoded.error().offset_bytes == offset);
    CHECK(decoded.error().error.message.find(part) != std::string::npos);
}

struct NumberBound {
    std::function<RawFrame()> begin;
    Tag tag;
    std::size_t size;
    std::uint64_t min;
    std::uint64_t max;
    std::string path;
};

TEST_CASE("a number at its bounds is accepted, and one beyond is refused where it stands") {
    const std::vector<NumberBound> bounds{
        {raw_new_shard, Tag::cpu_max_millicores, 4, 0, kU32Max, ""},
        {raw_new_shard, Tag::cpu_weight, 4, 1, 10000, "ResourceRequest.NewShard.cpu_weight"},
        {raw_new_shard, Tag::io_weight, 4, 1, 10000, "ResourceRequest.NewShard.io_weight"},
        {raw_new_shard, Tag::network, 1, 0, 3, "ResourceRequest.NewShard.network"},
        {raw_new_shard, Tag::user_namespace, 1, 0, 1, "ResourceRequest.NewShard.user_namespace"},
        {raw_run, Tag::shard, 8, 1, std::numeric_limits<std::uint64_t>::max(),
         "ResourceRequest.Run.shard"},
        {raw_assignment, Tag::state, 1, 1, 6, "ShardAssignment.state"},
        {raw_assignment, Tag::unenforced, 4, 0, 31, "ShardAssignment.unenforced"},
        {raw_assignment, Tag::shard_uid, 4, 0, kU32Max - 1, "ShardAssignment.shard_uid"},
        {raw_assignment, Tag::owner_uid, 4, 0, kU32Max - 1, "ShardAssignment.owner_uid"},
        {raw_assignment, Tag::init_pid, 4, 0, 0x7fffffff, "ShardAssignment.init_pid"},
        {raw_assignment, Tag::warm, 1, 0, 1, "ShardAssignment.warm"},
        {raw_status, Tag::reported_load, 2, 0, 10000, "ShardStatus.reported_load"},
        {raw_status, Tag::reported_queue, 4, 0, kU32Max, ""},
        {raw_prefetch_request, Tag::probability, 2, 0, 10000, "PrefetchRequest.probability"},
    };
    for (const NumberBound& bound : bounds) {
        CAPTURE(bound.path);
        const std::size_t value_at = bound.begin().size() + kTlvHeaderSize;
        check_accepted(bound.begin().field(bound.tag, bound.min, bound.size));
        check_accepted(bound.begin().field(bound.tag, bound.max, bound.size));
        if (bound.min > 0)
            check_refused(bound.begin().field(bound.tag, bound.min - 1, bound.size), value_at,
                          bound.path + ": 0 is not within");
        if (bound.max < (std::uint64_t{1} << (8 * bound.size % 64)) - 1)
            check_refused(bound.begin().field(bound.tag, bound.max + 1, bound.size), value_at,
                          bound.path + ": " + std::to_string(bound.max + 1) + " is not within");
    }
}

TEST_CASE("a number of another width is refused") {
    for (const std::size_t size : {0U, 1U, 3U})
        check_refused(raw_new_shard().field(Tag::cpu_weight, 1, size),
                      raw_new_shard().size() + kTlvHeaderSize, "cpu_weight: needs 4 bytes");
    check_refused(raw_new_shard().field(Tag::cpu_weight, 1, 5),
                  raw_new_shard().size() + kTlvHeaderSize + 4, "cpu_weight: 1 bytes too many");
}

struct LengthBound {
    std::function<RawFrame()> begin;
    Tag tag;
    std::size_t min;
    std::size_t max;
    std::string path;
};

TEST_CASE("a text as long as allowed is accepted, and one byte more or less is refused") {
    const std::vector<LengthBound> bounds{
        {raw_new_shard, Tag::cpuset_cpus, 0, 1024, "ResourceRequest.NewShard.cpuset_cpus"},
        {raw_new_shard, Tag::seccomp_profile, 1, 64, "ResourceRequest.NewShard.seccomp_profile"},
        {raw_new_shard, Tag::hostname, 1, 64, "ResourceRequest.NewShard.hostname"},
        {raw_new_shard, Tag::capability, 1, 64, "ResourceRequest.NewShard.capability"},
        {raw_new_shard, Tag::image, 1, 512, "ResourceRequest.NewShard.image"},
        {raw_run, Tag::argument, 0, 131071, "ResourceRequest.Run.argument"},
        {raw_run, Tag::environment, 0, 131071, "ResourceRequest.Run.environment"},
        {raw_run, Tag::cwd, 1, 4095, "ResourceRequest.Run.cwd"},
        {raw_assignment, Tag::profile, 1, 128, "ShardAssignment.profile"},
        {raw_assignment, Tag::cgroup, 0, 4095, "ShardAssignment.cgroup"},
        {raw_assignment, Tag::program_row, 0, 4096, "ShardAssignment.program_row"},
        {raw_assignment, Tag::reason, 0, 4096, "ShardAssignment.reason"},
        {raw_prefetch_request, Tag::reason, 0, 4096, "PrefetchRequest.reason"},
        {raw_prefetch_request, Tag::digest, 32, 32, "PrefetchRequest.digest"},
        {raw_prefetch_response, Tag::reason, 0, 4096, "PrefetchResponse.reason"},
        {raw_prefetch_response, Tag::data, 0, 65536, "PrefetchResponse.data"},
    };
    for (const LengthBound& bound : bounds) {
        CAPTURE(bound.path);
        const std::size_t value_at = bound.begin().size() + kTlvHeaderSize;
        const bool is_exact = bound.min == bound.max;
        check_accepted(bound.begin().field(bound.tag, bound.min));
        check_accepted(bound.begin().field(bound.tag, bound.max));
        check_refused(bound.begin().field(bound.tag, bound.max + 1),
                      value_at + (is_exact ? bound.max : 0), bound.path + ": ");
        if (bound.min > 0)
            check_refused(bound.begin().field(bound.tag, bound.min - 1), value_at,
                          bound.path + ": ");
    }
}

struct CountBound {
    std::function<RawFrame()> begin;
    Tag tag;
    std::size_t max;  ///< further ones, besides those that `begin` holds
};

TEST_CASE("a repeatable field may be there as often as allowed, and not once more") {
    const std::vector<CountBound> bounds{{raw_new_shard, Tag::capability, 64},
                                         {raw_run, Tag::argument, 32767},
                                         {raw_run, Tag::environment, 32768},
                                         {raw_assignment, Tag::program_row, 4096}};
    for (const CountBound& bound : bounds) {
        CAPTURE(static_cast<unsigned>(bound.tag));
        RawFrame raw = bound.begin();
        for (std::size_t i = 0; i < bound.max; ++i) raw.field(bound.tag, 1);
        check_accepted(raw);
        const std::size_t surplus_at = raw.size();
        check_refused(raw.field(bound.tag, 1), surplus_at, "is there more than");
    }
}

TEST_CASE("io_max may name 64 devices, and not 65") {
    RawFrame raw = raw_new_shard();
    const auto add = [&] {
        raw.u16(static_cast<std::uint16_t>(Tag::io_max)).u32(44).u32(8).u32(0).u32(0);
        raw.u64(0).u64(0).u64(0).u64(0);
    };
    for (int i = 0; i < 64; ++i) add();
    check_accepted(raw);
    const std::size_t surplus_at = raw.size();
    add();
    check_refused(raw, surplus_at, "ResourceRequest.NewShard.io_max: is there more than 64 times");
}

TEST_CASE("there may be as many roles as descriptors, and no more than 8") {
    RawFrame raw = raw_assignment();
    raw.fd_count(8);
    for (int i = 0; i < 8; ++i) raw.field(Tag::fd_role, 2, 1);
    check_accepted(raw);
    const std::size_t surplus_at = raw.size();
    check_refused(raw.field(Tag::fd_role, 2, 1), surplus_at,
                  "ShardAssignment.fd_role: is there more than 8 times");
}

TEST_CASE("optional fields are counted, known or not") {
    RawFrame raw = raw_new_shard();
    for (std::size_t i = 0; i < kTlvCountMax; ++i) raw.u16(0x7000).u32(0);
    check_accepted(raw);
    const std::size_t surplus_at = raw.size();
    check_refused(raw.u16(0x7000).u32(0), surplus_at, "more than 66560 optional fields");
}

TEST_CASE("an optional field that may be there once is refused the second time") {
    const std::vector<LengthBound> bounds{
        {raw_new_shard, Tag::hostname, 1, 1, ""},  {raw_run, Tag::cwd, 1, 1, ""},
        {raw_assignment, Tag::cgroup, 1, 1, ""},   {raw_status, Tag::limits, 0, 0, ""},
        {raw_status, Tag::cpu_usage_us, 8, 8, ""}, {raw_prefetch_response, Tag::data, 1, 1, ""}};
    for (const LengthBound& bound : bounds) {
        RawFrame raw = bound.begin().field(bound.tag, bound.min);
        check_accepted(raw);
        const std::size_t second_at = raw.size();
        check_refused(raw.field(bound.tag, bound.min), second_at, "is there twice");
    }
}

TEST_CASE("a fixed text keeps its bounds as well") {
    const auto access = [] { return RawFrame(MessageType::resource_access, 0).u64(7).u8(1); };
    const std::size_t name_at = access().size();
    check_refused(access().text(1025), name_at,
                  "ResourceAccess.name: its length 1025 is not within 1..1024");
    check_refused(access().text(0), name_at, "ResourceAccess.name: its length 0");
    check_accepted(access().text(1024));
}

}  // namespace
}  // namespace shardrun::proto
