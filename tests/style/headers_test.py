#!/usr/bin/python3
"""Each header compiles when it is the first thing that is included. Argument: the build folder."""

import json
import re
import shlex
import sys
from pathlib import Path

from memo import Memo
from parallel import check_each
from tree import TREE, conclude, files


def main() -> int:
    build = Path(sys.argv[1])
    flags = _flags(build)

    def command_for(path: Path) -> list[str]:
        return ["g++", *flags, "-fsyntax-only", "-include", str(path), "-x", "c++", "/dev/null"]

    headers = [path for path in files(".h", folders=["include", "src", "tests"])
               # Of the programs without a C library, whose flags are other ones; and the C interface
               # says by itself that it is C.
               if "zygote" not in path.parts]
    wrong, _ = check_each(headers, command_for, Memo())
    return conclude("each header compiles alone", wrong)


def _flags(build: Path) -> list[str]:
    """Of some ordinary source file: language and include folders, absolute."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if "/src/base/fail.cc" in entry["file"] or entry["file"].endswith("src/base/fail.cc"):
            words = shlex.split(entry["command"])
            wanted = [word for word in words if re.match(r"-(std|I|D|isystem)", word)]
            return [re.sub(r"^-I(?!/)", f"-I{build}/", word) for word in wanted] + ["-I", str(TREE / "tests")]
    raise SystemExit(f"'{build}/compile_commands.json' does not know src/base/fail.cc")


if __name__ == "__main__":
    sys.exit(main())
