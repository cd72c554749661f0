"""What the guest is to do: the tests, their limits, their environment."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
VM_TESTS = TREE / "tests" / "vm" / "tests"
TEST_LIMIT_S = 120.0
SLOWNESS = 4  # How much longer than meson's limit a test may take on an emulated processor.


def make_plan(build: Path | None, folder: Path, tests: list[dict], shell: bool, modules: Path) -> dict:
    size = shutil.get_terminal_size()
    paths = [str(TREE), str(modules), str(folder)] + ([str(build)] if build else [])
    return {
        # One key a line: guest/init reads "main" with sed.
        "main": str(TREE / "tests/vm/guest/main.py"),
        "tree": str(TREE), "modules": str(modules), "paths": paths, "shell": shell, "tests": tests,
        "env": environment(build), "terminal": os.environ.get("TERM", "vt100"),
        "rows": size.lines, "columns": size.columns,
    }


def environment(build: Path | None) -> dict[str, str]:
    """What a test finds in its environment, in the VM and natively."""
    variables = {"SHARDRUN_TREE": str(TREE), "SHARDRUN_IN_VM": "1"}
    if build is not None:
        variables |= {"SHARDRUN_BUILD": str(build), "SHARDRUN": str(build / "src/cli/shardrun")}
    return variables


def command_plan(command: list[str], build: Path | None, limit_s: float) -> list[dict]:
    return [{"name": " ".join(command), "command": command, "env": environment(build), "cwd": str(TREE),
             "limit_s": limit_s, "clean": False}]


def suite_plan(build: Path | None, folder: Path, names: list[str]) -> list[dict]:
    """The privileged tests of the build and those of `folder`; `names`: only those."""
    tests = (_privileged_tests(build) if build else []) + _folder_tests(folder, build)
    unknown = set(names) - {test["name"] for test in tests}
    if unknown:
        raise SystemExit(f"vm: no test is called '{sorted(unknown)[0]}'; there are: "
                         + ", ".join(test["name"] for test in tests))
    return [test for test in tests if not names or test["name"] in names]


def _privileged_tests(build: Path) -> list[dict]:
    listing = subprocess.run(["meson", "introspect", "--tests", str(build)], capture_output=True, text=True, check=True)
    found = []
    for test in json.loads(listing.stdout):
        if any(suite.split(":")[-1] == "privileged" for suite in test["suite"]):
            found.append({"name": test["name"], "command": test["cmd"], "cwd": test["workdir"],
                          "env": environment(build) | test["env"], "clean": True,
                          "limit_s": float(test["timeout"] * SLOWNESS)})
    return found


def _folder_tests(folder: Path, build: Path | None) -> list[dict]:
    return [{"name": path.stem, "command": [str(path)], "cwd": None, "env": environment(build),
             "limit_s": _own_limit_s(path), "clean": True}
            for path in sorted(folder.iterdir()) if path.is_file() and os.access(path, os.X_OK)]


def _own_limit_s(path: Path) -> float:
    """A test that needs another limit than TEST_LIMIT_S says so in a comment: "vm limit: 10 s"."""
    match = re.search(r"vm limit: (\d+) s", path.read_text())
    return float(match.group(1)) if match else TEST_LIMIT_S
