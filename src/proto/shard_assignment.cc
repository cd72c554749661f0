#include "proto/shard_assignment.h"

#include "proto/limits.h"
#include "proto/shard_options.h"

namespace shardrun::proto {
namespace {

constexpr std::uint64_t kUidMax = 0xfffffffe;  // The last one means "no uid".
constexpr std::uint64_t kPidMax = 0x7fffffff;

/// The value of exit, 28 bytes:
///
/// | offset | type | field                                                          |
/// |      0 | u8   | status                                                         |
/// |      1 | u8   | signal_number: 0..64, and 0 unless status is 0                 |
/// |      2 | u8   | out_of_memory: 0, 1                                            |
/// |      3 | u8   | reserved: 0                                                    |
/// |      4 | u64  | user_cpu_us                                                    |
/// |     12 | u64  | system_cpu_us                                                  |
/// |     20 | u64  | memory_peak_bytes                                              |
template <class Fields>
void describe_exit(Fields& fields, Of<Fields, ProgramExit>& exit) {
    std::uint8_t reserved = 0;
    fields.number("status", exit.status);
    fields.number("signal_number", exit.signal_number, {0, kSignalNumberMax});
    fields.number("out_of_memory", exit.out_of_memory);
    fields.number("reserved", reserved, {0, 0});
    fields.number("user_cpu_us", exit.user_cpu_us);
    fields.number("system_cpu_us", exit.system_cpu_us);
    fields.number("memory_peak_bytes", exit.memory_peak_bytes);
    fields.require(exit.status == 0 || exit.signal_number == 0, "",
                   "has both a status and a signal");
}

/// | 0x0401 | u8     | state      | 1 preparing, 2 ready, 3 active,               |
/// |        |        |            | 4 draining, 5 reclaimed, 6 failed             |
/// | 0x0402 | fields | options    | the optional fields of ShardOptions           |
/// | 0x0403 | u32    | unenforced | bits: 1 cpu, 2 cpuset, 4 memory, 8 pids, 16 io |
/// | 0x0404 | u32    | shard_uid  | 0..2^32-2                                     |
/// | 0x0405 | u32    | owner_uid  | 0..2^32-2                                     |
/// | 0x0406 | text   | profile    | 1..128 bytes                                  |
/// | 0x0407 | text   | cgroup     | 0..4095 bytes; empty: not yet                 |
/// | 0x0408 | u32    | init_pid   | 0..2^31-1; 0: not yet                         |
template <class Fields>
void describe_shard(Fields& fields, Of<Fields, ShardAssignment>& shard) {
    fields.optional(Tag::state, "state", shard.state, {1, 6});
    fields.group(Tag::options, "options", shard.options,
                 [](auto& inner, auto& options) { describe_shard_options(inner, options); });
    fields.optional(Tag::unenforced, "unenforced", shard.unenforced, {0, kControllerBits});
    fields.optional(Tag::shard_uid, "shard_uid", shard.shard_uid, {0, kUidMax});
    fields.optional(Tag::owner_uid, "owner_uid", shard.owner_uid, {0, kUidMax});
    fields.optional_text(Tag::profile, "profile", shard.profile, {1, kProfileLengthMax});
    fields.optional_text(Tag::cgroup, "cgroup", shard.cgroup, {0, kPathLengthMax});
    fields.optional(Tag::init_pid, "init_pid", shard.init_pid, {0, kPidMax});
}

/// | offset | type   | field          | bounds                                            |
/// |      0 | u16    | kind           | 1..14, see AssignmentKind                         |
/// |      2 | u64    | shard          | 0: none                                           |
/// |     10 | u64    | program        | 0: none                                           |
/// | 0x040. |        | the shard      | above                                             |
/// | 0x0409 | text   | program_row    | 0..4096 bytes, 0..4096 times                      |
/// | 0x040a | above  | exit           |                                                   |
/// | 0x0002 | text   | reason         | 0..4096 bytes                                     |
/// | 0x040b | u64    | created_us_ago |                                                   |
/// | 0x040c | u64    | prepare_us     |                                                   |
/// | 0x040d | u8     | warm           | 0, 1                                              |
/// | 0x040e | u8     | fd_role        | 1 tmpfs, 2 pidfd, 3 terminal; fd_count times      |
template <class Fields>
void describe(Fields& fields, Of<Fields, ShardAssignment>& message) {
    fields.number("kind", message.kind, {1, 14});
    fields.number("shard", message.shard);
    fields.number("program", message.program);
    describe_shard(fields, message);
    fields.texts(Tag::program_row, "program_row", message.programs, {0, kProgramCountMax},
                 {0, kProgramRowLengthMax});
    fields.record(Tag::exit, "exit", message.exit,
                  [](auto& inner, auto& exit) { describe_exit(inner, exit); });
    fields.optional_text(Tag::reason, "reason", message.reason, {0, kSentenceLengthMax});
    fields.optional(Tag::created_us_ago, "created_us_ago", message.created_us_ago);
    fields.optional(Tag::prepare_us, "prepare_us", message.prepare_us);
    fields.optional(Tag::warm, "warm", message.warm);
    fields.repeated(Tag::fd_role, "fd_role", message.fds, {0, kFdCountMax},
                    [](auto& inner, auto& role) {
                        inner.number("", role, {1, 3});
                    });
}

}  // namespace

DecodedBody<ShardAssignment> decode_shard_assignment(std::span<const std::byte> body) {
    return decode_body<ShardAssignment>("ShardAssignment", body,
                                        [](auto& in, auto& message) { describe(in, message); });
}

Result<void> encode_shard_assignment(ByteWriter& out, const ShardAssignment& message) {
    return encode_body("ShardAssignment", out, message, false,
                       [](auto& writer, auto& value) { describe(writer, value); });
}

}  // namespace shardrun::proto
