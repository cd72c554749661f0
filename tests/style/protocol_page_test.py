#!/usr/bin/python3
"""shardrun-protocol(7) says what the code does: every tag, every bound, and examples that are real frames."""

import re
import sys

from tree import TREE, conclude

sys.path.insert(0, str(TREE / "tests"))

import proto_peer  # noqa: E402
from proto_fields import Optional  # noqa: E402

PAGE = (TREE / "man" / "shardrun-protocol.7").read_text()
TAGS = {name: int(number, 16) for name, number in re.findall(
    r"^    (\w+) = (0x[0-9a-f]{4}),", (TREE / "src" / "proto" / "tag.h").read_text(), re.MULTILINE)}
LIMITS = (TREE / "src" / "proto" / "limits.h").read_text()
# Those that bound nothing on the wire.
OWN_MATTERS = {"kBufferKeptMax", "kTlvHeaderSize", "kHeaderSize", "kFrameSizeMax", "kVersion"}


def main() -> int:
    status = conclude("the code's tags are read", [] if len(TAGS) > 50 else [f"only {len(TAGS)} tags in tag.h"])
    status |= conclude("every tag has a number of its own", _shared_numbers())
    status |= conclude("every tag is named with its number in the page", _tags_missing())
    status |= conclude("every number in the page is a tag", _tags_unknown())
    status |= conclude("the second implementation knows the same tags", _peer_tags())
    status |= conclude("every bound is in the page", _bounds())
    status |= conclude("every example is a vector", _examples())
    return status


def _rows() -> set[tuple[int, str]]:
    """Table rows with a tag: its number and name."""
    return {(int(number, 16), name) for number, name in re.findall(
        r"^\.It (0x[0-9a-f]{4}) Ta [^\n]*?Ta (\w+) Ta", PAGE, re.MULTILINE)}


def _shared_numbers() -> list[str]:
    numbers = list(TAGS.values())
    return [f"{name}: {number:#06x} is not its alone" for name, number in TAGS.items() if numbers.count(number) > 1]


def _tags_missing() -> list[str]:
    return [f"{number:#06x} {name}: no row" for name, number in TAGS.items() if (number, name) not in _rows()]


def _tags_unknown() -> list[str]:
    return [f"{number:#06x} {name}: not in tag.h" for number, name in sorted(_rows()) if TAGS.get(name) != number]


def _peer_tags() -> list[str]:
    found: dict[str, int] = {}

    def collect(fields: list[Optional]) -> None:
        for field in fields:
            found[field.name] = field.number
            if isinstance(field.kind, list):
                collect(field.kind)

    for message in [*proto_peer.MESSAGES.values(), *proto_peer.REQUESTS.values()]:
        collect(message.optional)
    return [f"{name}: {TAGS.get(name)} in the code, {found.get(name)} in the peer"
            for name in sorted(TAGS.keys() | found.keys()) if TAGS.get(name) != found.get(name)]


def _bounds() -> list[str]:
    missing = []
    for name, value in re.findall(r"constexpr std::\w+ (k\w+) =\s+([^;]+);", LIMITS):
        number = {"std::size_t{1} << 20U": 1 << 20}.get(value)
        if name in OWN_MATTERS:
            continue
        if number is None:
            number = int(value)
        if not re.search(rf"(?<!\d){number}(?!\d)", PAGE):
            missing.append(f"{name}: {number} is not in the page")
    return missing


def _examples() -> list[str]:
    frames: list[str] = []
    for begin, data in re.findall(r"^(?:([CM]):|  ) ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?:  .*)?$", PAGE, re.MULTILINE):
        if begin:
            frames.append("")
        frames[-1] += data + " "
    vectors = {proto_peer.load(str(path))[1] for path in (TREE / "tests" / "golden").glob("*.hex")}
    wrong = [f"no vector: {frame}" for frame in frames if bytes.fromhex(frame) not in vectors]
    return wrong + ([] if len(frames) >= 6 else [f"only {len(frames)} examples were found"])


if __name__ == "__main__":
    sys.exit(main())
