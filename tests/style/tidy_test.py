#!/usr/bin/python3
"""clang-tidy 19 has nothing to say about any source file. Argument: the build folder. A file that was
right is not looked at again until it, one of its headers or the configuration changes."""

import json
import subprocess
import sys
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

    wrong = check_each(sorted(commands), command_for, Memo(build / "style-memo"), version,
                       (TREE / ".clang-tidy").read_text())
    return conclude("clang-tidy 19 has nothing to say", wrong)


if __name__ == "__main__":
    sys.exit(main())
