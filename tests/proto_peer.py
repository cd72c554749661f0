#!/usr/bin/python3
"""A second implementation of shardrun-protocol(7), written from the manual page alone.

    proto_peer.py check FILE...   every vector: text -> bytes, bytes -> text, refusals -> code and offset
    proto_peer.py build FILE      the bytes that the text of one vector stands for, as hex

A vector (tests/golden/*.hex) has comment lines (#), then `name: value` lines that describe the frame, an
empty line, and the bytes as hex. Texts are JSON strings, byte strings are hex or `empty`, fields of a record are
`name=value`, optional fields inside another one are `outer.inner`. A vector with `refused: CODE OFFSET`
must be refused so.
"""
import errno
import os
import struct
import sys

from proto_fields import Bytes, Message, Number, Optional, Record, Refused, Text, give_optional, take_optional

HEADER_SIZE, PAYLOAD_MAX, FD_COUNT_MAX = 16, 1 << 20, 8
U8, U16, U32, U64, BOOL = Number(1), Number(2), Number(4), Number(8), Number(1, 0, 1)
SHARE, UID, SENTENCE = Number(2, 0, 10000), Number(4, 0, (1 << 32) - 2), Text(0, 4096)


def enumeration(size, *names):
    return Number(size, 1, len(names), dict(enumerate(names, 1)))


# ---- Layouts, as the manual page has them. ----
IO_RATES = ("read_bytes_per_second", "write_bytes_per_second", "read_ops_per_second", "write_ops_per_second")


def io_rule(io):
    for place, name in enumerate(IO_RATES):
        if (io["limited"] >> place & 1) != (io[name] != 0):
            return 12 + 8 * place, f"{name} does not agree with limited"
    return None


LIMITS = [
    Optional(0x0101, "cpu_max_millicores", U32),
    Optional(0x0102, "cpu_weight", Number(4, 1, 10000)),
    Optional(0x0103, "cpuset_cpus", Text(0, 1024)),
    Optional(0x0104, "memory_high_bytes", U64),
    Optional(0x0105, "memory_max_bytes", U64),
    Optional(0x0106, "memory_swap_max_bytes", U64),
    Optional(0x0107, "pids_max", U64),
    Optional(0x0108, "io_max", Record([("major", U32), ("minor", U32), ("limited", Number(4, 0, 15))] +
                                      [(name, U64) for name in IO_RATES], io_rule), high=64),
    Optional(0x0109, "io_weight", Number(4, 1, 10000)),
    Optional(0x010a, "tmpfs_size_max_bytes", U64),
    Optional(0x010b, "files_max", U64),
]
OPTIONS = LIMITS + [
    Optional(0x0201, "network", Number(1, 0, 3, {0: "none", 1: "isolated", 2: "nat", 3: "host"})),
    Optional(0x0202, "seccomp_profile", Text(1, 64)),
    Optional(0x0203, "hostname", Text(1, 64)),
    Optional(0x0204, "user_namespace", BOOL),
    Optional(0x0205, "capability", Text(1, 64), high=64),
    Optional(0x0206, "image", Text(1, 512)),
]
PROGRAM = [
    Optional(0x0301, "argument", Text(0, 131071), low=1, high=32768),
    Optional(0x0302, "environment", Text(0, 131071), high=32768),
    Optional(0x0303, "cwd", Text(1, 4095)),
    Optional(0x0304, "terminal", Record([("rows", U16), ("columns", U16)])),
]
ID = Number(8, 1)
SHARD = Optional(0x0001, "shard", ID)
REASON = Optional(0x0002, "reason", SENTENCE)
DIGEST = Optional(0x0003, "digest", Bytes(32, 32))


def run_rule(values):
    names = {name for name, _ in values}
    if "shard" in names and names & {field.name for field in OPTIONS}:
        return 0, "options for a new shard come with the id of an existing one"
    return None


WHAT = Number(2, 1, 9, dict(enumerate(
    ("Session", "NewShard", "Run", "Signal", "Release", "Resize", "Subscribe", "List", "Blob"), 1)))
REQUESTS = {
    "Session": Message([("profile", Text(1, 128, True))]),
    "NewShard": Message([], OPTIONS),
    "Run": Message([("wants_pidfd", BOOL)], [SHARD] + PROGRAM + OPTIONS, run_rule),
    "Signal": Message([("shard", ID), ("program", U64), ("signal_number", Number(4, 1, 64))]),
    "Release": Message([], [SHARD]),
    "Resize": Message([("shard", ID)], LIMITS),
    "Subscribe": Message([("lifecycle", BOOL), ("prefetch", BOOL)]),
    "List": Message([], [SHARD]),
    "Blob": Message([("name", Text(1, 1024, True))]),
}
KIND = enumeration(2, "session", "assigned", "started", "exited", "stopped", "resized", "split", "merged", "draining",
                   "reclaimed", "failed", "listed", "done", "continued")
STATE = enumeration(1, "preparing", "ready", "active", "draining", "reclaimed", "failed")
FD_ROLE = enumeration(1, "tmpfs", "pidfd", "terminal")
BLOB_KIND = enumeration(1, "data", "code", "configuration")
OUTCOME = enumeration(1, "hit", "prefetched", "demand_loaded", "failed")
PRESSURE = Record([("some_avg10", SHARE), ("full_avg10", SHARE)])
EXIT = Record([("status", U8), ("signal_number", Number(1, 0, 64)), ("out_of_memory", BOOL), ("reserved", Number(1, 0, 0)),
               ("user_cpu_us", U64), ("system_cpu_us", U64), ("memory_peak_bytes", U64)],
              lambda exit: (0, "both a status and a signal") if exit["status"] and exit["signal_number"] else None)
BLOB = [("name", Text(1, 1024, True))]
MESSAGES = {
    "ShardAssignment": Message([("kind", KIND), ("shard", U64), ("program", U64)], [
        Optional(0x0401, "state", STATE), Optional(0x0402, "options", OPTIONS),
        Optional(0x0403, "unenforced", Number(4, 0, 31)), Optional(0x0404, "shard_uid", UID),
        Optional(0x0405, "owner_uid", UID), Optional(0x0406, "profile", Text(1, 128)),
        Optional(0x0407, "cgroup", Text(0, 4095)), Optional(0x0408, "init_pid", Number(4, 0, (1 << 31) - 1)),
        Optional(0x0409, "program_row", Text(0, 4096), high=4096), Optional(0x040a, "exit", EXIT), REASON,
        Optional(0x040b, "created_us_ago", U64), Optional(0x040c, "prepare_us", U64), Optional(0x040d, "warm", BOOL),
        Optional(0x040e, "fd_role", FD_ROLE, high=8)]),
    "ResourceAccess": Message([("shard", ID), ("kind", BLOB_KIND)] + BLOB),
    "ShardStatus": Message([("shard", U64)], [
        Optional(0x0501, "reported_load", SHARE), Optional(0x0502, "reported_queue", U32)] + [
        Optional(0x0503 + place, name, U64) for place, name in enumerate((
            "cpu_usage_us", "cpu_throttled_us", "cpu_throttled_periods", "memory_current_bytes", "memory_peak_bytes",
            "memory_swap_bytes", "oom_kills", "pids_current", "pids_refused", "io_read_bytes", "io_write_bytes",
            "network_received_bytes", "network_sent_bytes", "tmpfs_used_bytes"))] + [
        Optional(0x0511, "cpu_pressure", PRESSURE), Optional(0x0512, "memory_pressure", PRESSURE),
        Optional(0x0513, "io_pressure", PRESSURE), Optional(0x0514, "limits", LIMITS)]),
    "PrefetchRequest": Message([("shard", U64), ("kind", BLOB_KIND)] + BLOB, [
        DIGEST, Optional(0x0601, "probability", SHARE), Optional(0x0602, "deadline_ms", U32), REASON]),
    "PrefetchResponse": Message([("shard", U64), ("outcome", OUTCOME)] + BLOB, [
        DIGEST, Optional(0x0603, "size_bytes", U64), Optional(0x0604, "elapsed_us", U64), REASON,
        Optional(0x0605, "data", Bytes(0, 65536))]),
    "ErrorReply": Message([("code", Number(4, 1, 4095)), ("offset_bytes", U32), ("sentence", Text(0, 4096, True))]),
}
TYPES = {1: "ResourceRequest", 2: "ShardAssignment", 3: "ResourceAccess", 4: "ShardStatus", 5: "PrefetchRequest",
         6: "PrefetchResponse"}
ROLES = {1: "request", 2: "reply event", 3: "request", 4: "request reply event", 5: "request event", 6: "reply event"}
FLAGS = {1: "reply", 2: "error", 4: "more", 8: "event"}


# ---- Bytes to lines of text. ----
def take_header(data):
    if len(data) < HEADER_SIZE:
        raise Refused(0, "incomplete")
    size, version, type_, flags, fd_count, correlation = struct.unpack_from("<IBBBBQ", data)
    names = [name for bit, name in FLAGS.items() if flags & bit]
    if version != 1:
        raise Refused(4, "version", errno.EPROTONOSUPPORT)
    if size > PAYLOAD_MAX:
        raise Refused(0, "payload too long", errno.EMSGSIZE)
    if type_ not in TYPES:
        raise Refused(5, "type")
    if fd_count > FD_COUNT_MAX:
        raise Refused(7, "fd_count")
    role = "reply" if "reply" in names else "event" if "event" in names else "request"
    if flags > 15 or {"reply", "event"} <= set(names) or ("more" in names and role == "request"):
        raise Refused(6, "flags")
    if "error" not in names and correlation == 0:
        raise Refused(8, "correlation")
    if "error" not in names and role not in ROLES[type_].split():
        raise Refused(6, "role")
    return size, TYPES[type_], names, fd_count, correlation


def check_fd_count(name, alternative, values, fd_count):
    names = [field for field, _ in values]
    low, high = 0, 0
    if alternative == "Run" and "terminal" not in names:
        high = 3
    if name == "ShardAssignment":
        low = high = names.count("fd_role")
    if name == "PrefetchResponse" and "data" not in names:
        high = 1
    if not low <= fd_count <= high:
        raise Refused(7, f"fd_count {fd_count} is not within {low}..{high}")


def flatten(optional, prefix=""):
    for field, value in optional:
        if field is None:
            yield prefix + "unknown", "tag=%#06x value=%s" % (value[0], value[1].hex())
        elif isinstance(field.kind, list):
            inner = list(flatten(value, prefix + field.name + "."))
            yield from inner or [(prefix + field.name, "empty")]
        else:
            yield prefix + field.name, field.kind.show(value)


def take_frame(data):
    """[(name, text)] of a whole frame."""
    size, name, flags, fd_count, correlation = take_header(data)
    if len(data) != HEADER_SIZE + size:
        raise Refused(0, "incomplete")
    lines = [("type", name), ("flags", " ".join(flags) or "none"), ("correlation", str(correlation)),
             ("fd_count", str(fd_count))]
    name = "ErrorReply" if "error" in flags else name
    at, end, alternative = HEADER_SIZE, len(data), None
    if name == "ResourceRequest":
        what, at = WHAT.take(data, at, end)
        alternative = WHAT.show(what)
        lines.append(("what", alternative))
    message = REQUESTS[alternative] if alternative else MESSAGES[name]
    values = []
    for field, kind in message.fixed:
        value, at = kind.take(data, at, end)
        values.append((field, kind.show(value)))
    values += flatten(take_optional(data, at, end, message.optional, HEADER_SIZE))
    why = message.rule(values) if message.rule else None
    if why is not None:
        raise Refused(HEADER_SIZE + why[0], why[1])
    check_fd_count(name, alternative, values, fd_count)
    return lines + values


# ---- Lines of text to bytes. ----
def give_fields(known, lines, is_critical, prefix=""):
    out = b""
    for field in known:
        path = prefix + field.name
        if isinstance(field.kind, list):
            if any(name == path or name.startswith(path + ".") for name, _ in lines):
                inner = give_fields(field.kind, lines, is_critical, path + ".")
                out += give_optional(field.number, inner, is_critical)
            continue
        for name, text in lines:
            if name == path:
                out += give_optional(field.number, field.kind.give(field.kind.read(text)), is_critical)
    for name, text in lines:
        if name == prefix + "unknown":
            tag, value = (part.split("=", 1)[1] for part in text.split())
            out += give_optional(int(tag, 16), bytes.fromhex(value), False)
    return out


def give_frame(lines):
    text = dict(reversed(lines))
    flags = sum(bit for bit, name in FLAGS.items() if name in text["flags"].split())
    name = "ErrorReply" if flags & 2 else text["type"]
    body, lines = b"", lines[4:]
    if name == "ResourceRequest":
        body, lines = WHAT.give(WHAT.read(text["what"])), lines[1:]
        message = REQUESTS[text["what"]]
    else:
        message = MESSAGES[name]
    for place, (field, kind) in enumerate(message.fixed):
        body += kind.give(kind.read(lines[place][1]))
    body += give_fields(message.optional, lines[len(message.fixed):], name == "ResourceRequest")
    number = next(number for number, known in TYPES.items() if known == text["type"])
    return struct.pack("<IBBBBQ", len(body), 1, number, flags, int(text["fd_count"]), int(text["correlation"])) + body


# ---- Vectors. ----
def load(path):
    lines, data, in_bytes = [], "", False
    with open(path, encoding="ascii") as file:
        for line in file.read().splitlines():
            if line.startswith("#"):
                continue
            if in_bytes or line == "":
                in_bytes, data = True, data + line
            else:
                lines.append(tuple(line.split(": ", 1)))
    return lines, bytes.fromhex(data)


def check_refusal(data, wanted):
    try:
        take_frame(data)
    except Refused as refused:
        got = f"{errno.errorcode[refused.code]} {refused.offset}"
        return None if got == wanted else f"refused as {got} ({refused}), not {wanted}"
    return f"accepted, not refused as {wanted}"


def check(path):
    """Why the vector does not hold, or None."""
    lines, data = load(path)
    if lines[0][0] == "refused":
        return check_refusal(data, lines[0][1])
    try:
        if take_frame(data) != lines:
            return f"its bytes say {take_frame(data)}"
    except Refused as refused:
        return f"refused at {refused.offset}: {refused}"
    built = give_frame(lines)
    return None if built == data else f"its text stands for {built.hex(' ')}"


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "build":
        print(give_frame(load(arguments[1])[0]).hex(" "))
        return 0
    if len(arguments) < 2 or arguments[0] != "check":
        print(__doc__, file=sys.stderr)
        return 2
    status = 0
    for path in arguments[1:]:
        why = check(path)
        print(f"{'ok' if why is None else 'not ok'} - {os.path.basename(path)}" + (f": {why}" if why else ""))
        status |= why is not None
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
