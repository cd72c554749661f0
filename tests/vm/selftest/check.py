#!/usr/bin/python3
"""Proves that the harness can fail: each program in the folders beside does one thing wrong, and the
harness must say so. As root; boots the VM three times."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# name: (passed, failed, a part of the reason). What is left behind is one failure more than the
# program's own claims, which held.
PROGRAMS = {
    "fails": (0, 1, "exit status 3"),
    "hangs": (0, 1, "its time limit has passed"),
    "leaves_cgroup": (1, 1, "left behind: cgroup /sys/fs/cgroup/forgotten"),
    "leaves_mount": (1, 1, "left behind: mount /run/forgotten tmpfs"),
    "leaves_process": (1, 1, "(sleep)"),
    "passes": (1, 0, ""),
    "passes_with_claims": (3, 0, ""),
    "skips": (0, 1, "skipped, which counts as failed here"),
    "warns": (1, 1, "kernel log: WARNING: CPU: 0"),
}
DEADLY = {"a_passes": (1, 0, ""), "b_panics": (0, 1, "the machine ended without a verdict")}
SILENT = {"stops_the_guest": (0, 1, "the guest hangs")}


def main() -> int:
    wrong = check("programs", PROGRAMS, [], "")
    wrong += check("deadly", DEADLY, [], "sysrq: Trigger a crash")
    wrong += check("silent", SILENT, ["--grace", "2"], "NMI")
    for sentence in wrong:
        print(f"not ok - {sentence}")
    return 1 if wrong else 0


def check(folder: str, expected: dict, options: list[str], console: str) -> list[str]:
    with tempfile.NamedTemporaryFile() as results:
        command = [HERE.parent / "run", "--tests", HERE / folder, "--results", results.name, *options]
        run = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        rows = {row["name"]: row for row in map(json.loads, Path(results.name).read_text().splitlines())}
    wrong = [f"{name}: {row}" for name, row in rows.items() if name not in expected]
    wrong += compare(expected, rows)
    if run.returncode != 1:
        wrong.append(f"{folder}: the harness ended with status {run.returncode}, not 1: {run.stderr}")
    if console not in run.stderr:
        wrong.append(f"{folder}: the console shown does not say '{console}': {run.stderr}")
    return wrong


def compare(expected: dict, rows: dict) -> list[str]:
    wrong = []
    for name, (passed, failed, reason) in expected.items():
        row = rows.get(name, {"passed": 0, "failed": 0, "reasons": ["it did not run"]})
        right = (row["passed"], row["failed"]) == (passed, failed) and reason in "\n".join(row["reasons"])
        if right:
            print(f"ok - the harness is right about '{name}'")
        else:
            wrong.append(f"'{name}': expected {passed} passed, {failed} failed, '{reason}'; got {row}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
