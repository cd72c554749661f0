#!/usr/bin/python3
"""Rooms use only rooms below them; and the check that says so notices each kind of offence."""

import sys
import tempfile
from pathlib import Path

from rooms import violations
from tree import TREE, conclude

GOOD = {
    "src/base/meson.build": "base_dep = declare_dependency(link_with: base_lib)",
    "src/sys/meson.build": "sys_lib = static_library('sys', dependencies: [base_dep])",
    "src/shard/meson.build": "shard_lib = static_library('shard', dependencies: [sys_dep])",
    "src/sys/cgroup.cc": '#include "sys/cgroup.h"\n#include <fmt/core.h>\n#include "base/fail.h"\n',
    "src/shard/shard.cc": '#include "shard/shard.h"\n#include "base/fail.h"\n#include "shardrun/ids.h"\n',
    "include/shardrun/ids.h": '#include "shardrun/error.h"\n',
}
OFFENCES = {
    "a lower room links a higher one": {"src/sys/meson.build": "sys_lib = static_library('sys', dependencies: [shard_dep])"},
    "siblings link each other": {"src/sys/meson.build": "sys_lib = static_library('sys', dependencies: [base_dep, proto_dep])"},
    "a lower room includes a higher one": {"src/sys/cgroup.cc": '#include "shard/shard.h"\n'},
    "an include goes past the link list": {"src/shard/shard.cc": '#include "policy/limits.h"\n'},
    "a public header includes a private one": {"include/shardrun/ids.h": '  #  include "base/fail.h"\n'},
    "an include is named from beside": {"src/sys/cgroup.cc": '#include "cgroup.h"\n'},
    "a room is unknown": {"src/attic/attic.cc": "\n"},
}


def main() -> int:
    status = conclude("rooms use only rooms below them", violations(TREE))
    status |= conclude("a tree that keeps the rule is accepted", _check(GOOD))
    for offence, files in OFFENCES.items():
        silent = [] if _check(GOOD | files) else ["no violation was found"]
        status |= conclude(f"it is noticed when {offence}", silent)
    return status


def _check(files: dict[str, str]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return violations(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
