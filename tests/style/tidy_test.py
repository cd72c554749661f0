#!/usr/bin/python3
"""clang-tidy 19 has nothing to say about any source file. Argument: the build folder. A file that was
right is not looked at again until it, one of its headers or the configuration changes. On a cold cache
that takes many minutes, so SHARDRUN_TIDY_BUDGET_S bounds the time; what is then left over is a skip."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from memo import Memo
from parallel import check_each
from tree import TREE, conclude

CLANG_TIDY = "clang-tidy-19"
# GCC's warning options that clang does not know.
OPTIONS = ["--quiet", "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-unused-command-line-argument"]


def main() -> int:
    build = Path(sys.argv[1])
    version = subprocess.run([CLANG_TIDY, "--version"], capture_output=True, text=True, check=True).stdout
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["directory"], entry["file"]).resolve()
        if path.is_relative_to(TREE / "src"):
            commands[path] = entry["command"]

    def command_for(path: Path) -> list[str]:
        return [CLANG_TIDY, "-p", str(build), *OPTIONS, str(path)]

    deadline = time.monotonic() + float(os.environ.get("SHARDRUN_TIDY_BUDGET_S", "inf"))
    wrong, late = check_each(sorted(commands), command_for, Memo(), version, (TREE / ".clang-tidy").read_text(),
                             deadline=deadline)
    if late and not wrong:
        print(f"skipped: {len(commands) - late} of {len(commands)} files are right, the time did not suffice "
              "for the rest; 'scripts/test style' goes on with them")
        return 77
    return conclude("clang-tidy 19 has nothing to say", wrong)


if __name__ == "__main__":
    sys.exit(main())
