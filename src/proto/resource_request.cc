#include "proto/resource_request.h"

#include <array>
#include <utility>

#include "proto/limits.h"
#include "proto/program_options.h"
#include "proto/shard_options.h"

namespace shardrun::proto {
namespace {

using What = ResourceRequest::What;

/// By position in What; the number on the wire is one more.
constexpr std::array<std::string_view, std::variant_size_v<What>> kWhatNames{
    "Session", "NewShard", "Run", "Signal", "Release", "Resize", "Subscribe", "List", "Blob"};

// Every request begins with u16 `what`; offsets below count from the payload's first byte.

/// what 1: | 2 | u16 n, n text | profile | 1..128 bytes |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest::Session>& session) {
    fields.text("profile", session.profile, {1, kProfileLengthMax});
}

/// what 2: | the optional fields of ShardOptions |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest::NewShard>& request) {
    describe_shard_options(fields, request.options);
}

/// what 3:
///
/// |      2 | u8  | wants_pidfd | 0, 1                                             |
/// | 0x0001 | u64 | shard       | not 0; then none of ShardOptions                 |
/// |        |     |             | the optional fields of ProgramOptions            |
/// |        |     |             | the optional fields of ShardOptions              |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest::Run>& run) {
    fields.number("wants_pidfd", run.program.wants_pidfd);
    fields.optional(Tag::shard, "shard", run.shard, {.min = 1});
    describe_program_options(fields, run.program);
    describe_shard_options(fields, run.options);
    fields.require(!run.shard || run.options == ShardOptions{}, "shard",
                   "options for a new shard come with the id of an existing one");
}

/// what 4:
///
/// |      2 | u64 | shard         | not 0             |
/// |     10 | u64 | program       | 0: every program  |
/// |     18 | u32 | signal_number | 1..64             |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest::Signal>& signal) {
    fields.number("shard", signal.shard, {.min = 1});
    fields.number("program", signal.program);
    fields.number("signal_number", signal.signal_number, {1, kSignalNumberMax});
}

/// what 5: | 0x0001 | u64 | shard | not 0; absent: all |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest::Release>& release) {
    fields.optional(Tag::shard, "shard", release.shard, {.min = 1});
}

/// what 6:
///
/// |      2 | u64 | shard         | not 0                              |
/// |        |     |               | the optional fields of ShardLimits |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest::Resize>& resize) {
    fields.number("shard", resize.shard, {.min = 1});
    describe_shard_limits(fields, resize.limits);
}

/// what 7:
///
/// |      2 | u8 | lifecycle | 0, 1 |
/// |      3 | u8 | prefetch  | 0, 1 |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest::Subscribe>& subscribe) {
    fields.number("lifecycle", subscribe.lifecycle);
    fields.number("prefetch", subscribe.prefetch);
}

/// what 8: | 0x0001 | u64 | shard | not 0; absent: all |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest::List>& list) {
    fields.optional(Tag::shard, "shard", list.shard, {.min = 1});
}

/// what 9: | 2 | u16 n, n text | name | 1..1024 bytes |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest::Blob>& blob) {
    fields.text("name", blob.name, {1, kBlobNameLengthMax});
}

template <std::size_t... I>
void choose(What& what, std::size_t index, std::index_sequence<I...>) {
    ((index == I ? static_cast<void>(what.emplace<I>()) : static_cast<void>(0)), ...);
}

/// Makes `what` the alternative at `index`; the writer's already is.
void choose(What& what, std::size_t index) {
    choose(what, index, std::make_index_sequence<std::variant_size_v<What>>());
}
void choose(const What&, std::size_t) {}

template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceRequest>& message) {
    auto what = static_cast<std::uint16_t>(message.what.index() + 1);
    fields.number("what", what, {1, kWhatNames.size()});
    choose(message.what, what - 1U);
    fields.enter_alternative(kWhatNames[message.what.index()]);
    std::visit([&](auto& alternative) { describe(fields, alternative); }, message.what);
}

}  // namespace

DecodedBody<ResourceRequest> decode_resource_request(std::span<const std::byte> body) {
    return decode_body<ResourceRequest>("ResourceRequest", body,
                                        [](auto& in, auto& message) { describe(in, message); });
}

// Whoever does not understand a part of a request must not carry out the rest of it.
Result<void> encode_resource_request(ByteWriter& out, const ResourceRequest& message) {
    return encode_body("ResourceRequest", out, message, true,
                       [](auto& writer, auto& value) { describe(writer, value); });
}

}  // namespace shardrun::proto
