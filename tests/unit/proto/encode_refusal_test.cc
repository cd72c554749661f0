#include <doctest/doctest.h>

#include <cerrno>
#include <string>

#include "proto/frame.h"

namespace shardrun::proto {
namespace {

template <class What>
Frame request(What what, std::uint8_t fd_count = 0) {
    return {MessageType::resource_request, 0, 1, fd_count, ResourceRequest{std::move(what)}};
}

void check_refused(const Frame& frame, int code, const std::string& sentence) {
    const auto encoded = encode_frame(frame);
    REQUIRE(!encoded);
    CHECK(encoded.error().code == code);
    CHECK(encoded.error().message == sentence);
}

TEST_CASE("what a receiver would refuse is not sent: values") {
    using R = ResourceRequest;
    check_refused(request(R::Session{""}), EPROTO,
                  "ResourceRequest.Session.profile: its length 0 is not within 1..128");
    check_refused(request(R::Session{std::string("a\0b", 3)}), EPROTO,
                  "ResourceRequest.Session.profile: has a NUL byte in it");
    check_refused(request(R::Signal{ShardId{7}, ProgramId{}, 65}), EPROTO,
                  "ResourceRequest.Signal.signal_number: 65 is not within 1..64");
    check_refused(request(R::Release{ShardId{0}}), EPROTO,
                  "ResourceRequest.Release.shard: 0 is not within 1..18446744073709551615");
    check_refused(request(R::Run{}), EPROTO,
                  "ResourceRequest.Run.argument: is there 0 times, at least 1 is needed");
    R::NewShard shard;
    shard.options.limits.io_max.resize(1);
    shard.options.limits.io_max[0].write_ops_per_second = 0;
    check_refused(request(shard), EPROTO,
                  "ResourceRequest.NewShard.io_max.write_ops_per_second: 0 is not within "
                  "1..18446744073709551615");
    R::NewShard network;
    network.options.network = static_cast<NetworkMode>(4);
    check_refused(request(network), EPROTO,
                  "ResourceRequest.NewShard.network: 4 is not within 0..3");
}

TEST_CASE("what a receiver would refuse is not sent: values inside values") {
    ShardStatus status;
    status.limits.emplace().cpu_weight = 0;
    check_refused({MessageType::shard_status, 1, 1, 0, status}, EPROTO,
                  "ShardStatus.limits.cpu_weight: 0 is not within 1..10000");
    ShardAssignment exited;
    exited.exit = ProgramExit{1, 9, false, 0, 0, 0};
    check_refused({MessageType::shard_assignment, 1, 1, 0, exited}, EPROTO,
                  "ShardAssignment.exit: has both a status and a signal");
}

TEST_CASE("what a receiver would refuse is not sent: fields that do not go together") {
    ResourceRequest::Run run;
    run.program.argv = {"true"};
    run.shard = ShardId{7};
    run.options.hostname = "web";
    check_refused(request(run), EPROTO,
                  "ResourceRequest.Run.shard: options for a new shard come with the id of an "
                  "existing one");
    run.options = {};
    CHECK(encode_frame(request(run)));
    CHECK(encode_frame(request(run, 3)));
    check_refused(request(run, 4), EPROTO,
                  "header.fd_count: 4 is not within 0..3 for this message");
    run.program.terminal = WindowSize{};
    check_refused(request(run, 1), EPROTO,
                  "header.fd_count: 1 is not within 0..0 for this message");
}

TEST_CASE("what a receiver would refuse is not sent: too many of a kind") {
    ResourceRequest::NewShard shard;
    shard.options.capabilities.assign(64, "CAP_NET_RAW");
    shard.options.limits.io_max.resize(64);
    CHECK(encode_frame(request(shard)));
    shard.options.capabilities.emplace_back("CAP_NET_RAW");
    check_refused(request(shard), EPROTO,
                  "ResourceRequest.NewShard.capability: is there more than 64 times");
    shard.options.limits.io_max.resize(65);
    check_refused(request(shard), EPROTO,
                  "ResourceRequest.NewShard.io_max: is there more than 64 times");
    ResourceRequest::Run run;
    run.program.argv.assign(32769, "x");
    check_refused(request(run), EPROTO,
                  "ResourceRequest.Run.argument: is there more than 32768 times");
    ShardAssignment row;
    row.programs.assign(4097, "");
    check_refused({MessageType::shard_assignment, 1, 1, 0, row}, EPROTO,
                  "ShardAssignment.program_row: is there more than 4096 times");
    ShardAssignment roles;
    roles.fds.assign(9, FdRole::pidfd);
    check_refused({MessageType::shard_assignment, 1, 1, 9, roles}, EPROTO,
                  "header.fd_count: 9 is more than 8");
}

TEST_CASE("what a receiver would refuse is not sent: headers") {
    const Frame good = request(ResourceRequest::List{});
    Frame frame = good;
    frame.correlation = 0;
    check_refused(frame, EPROTO, "header.correlation: 0 without error");
    frame = good;
    frame.flags = 1;
    check_refused(frame, EPROTO, "header.flags: ResourceRequest is never a reply");
    frame = good;
    frame.flags = 8;
    check_refused(frame, EPROTO, "header.flags: ResourceRequest is never an event");
    frame = good;
    frame.type = MessageType::resource_access;
    check_refused(frame, EPROTO, "header.type: 3 is not that of the message");
    frame = good;
    frame.message = ErrorReply{EPERM, 0, "no"};
    check_refused(frame, EPROTO,
                  "header.flags: error stands with an ErrorReply, and only with one");
    frame = good;
    frame.flags = 3;
    check_refused(frame, EPROTO,
                  "header.flags: error stands with an ErrorReply, and only with one");
    frame = {MessageType::shard_assignment, 0, 1, 0, ShardAssignment{}};
    check_refused(frame, EPROTO, "header.flags: ShardAssignment is never a request");
}

TEST_CASE("a payload of 1 MiB is sent, and one byte more is not") {
    ResourceRequest::Run run;
    run.program.argv.assign(8, std::string(131000, 'x'));
    // What, wants_pidfd, and 6 bytes of tag and length for each of nine arguments.
    const std::size_t used = 2 + 1 + 8 * 131000 + 9 * kTlvHeaderSize;
    run.program.argv.emplace_back(kPayloadSizeMax - used, 'x');
    const auto encoded = encode_frame(request(run));
    REQUIRE_MESSAGE(encoded, encoded.error().message);
    CHECK(encoded->size() == kFrameSizeMax);
    CHECK(decode_frame(*encoded));
    run.program.argv.back() += 'x';
    const auto refused = encode_frame(request(run));
    REQUIRE(!refused);
    CHECK(refused.error().code == EMSGSIZE);
    CHECK(refused.error().message.starts_with("ResourceRequest.Run.argument: "));
}

}  // namespace
}  // namespace shardrun::proto
