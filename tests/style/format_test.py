#!/usr/bin/python3
"""Sources are as clang-format 14 writes them."""

import subprocess
import sys

from tree import TREE, conclude, files


def main() -> int:
    sources = [str(path) for path in files(".h", ".cc", folders=["include", "src", "tests"])]
    run = subprocess.run(["clang-format-14", "--dry-run", "--Werror", *sources], cwd=TREE,
                         capture_output=True, text=True, check=False)
    wrong = run.stderr.splitlines()[:40] if run.returncode else []
    return conclude("sources are as clang-format 14 writes them", wrong)


if __name__ == "__main__":
    sys.exit(main())
