#!/usr/bin/python3
"""shardrun run with its embedded supervisor, on a machine that can enforce every limit."""

import os
import sys

sys.path.insert(0, os.environ["SHARDRUN_TREE"] + "/tests/support")

from claims import claim, expect, main, shardrun  # noqa: E402

PYTHON = "/usr/bin/python3"


def run(*arguments: str):
    return shardrun("run", "--embedded", *arguments)


@claim("a real program runs, and the report names no limit that is not enforced")
def _() -> None:
    result = run("--report", "--cpus", "0.5", "--memory", "64M", "--pids", "32", "--", PYTHON, "-c", "print(6 * 7)")
    expect((result.returncode, result.stdout) == (0, "42\n"), result)
    expect("not enforced" not in result.stderr, result.stderr)
    expect("64" in result.stderr, result.stderr)


@claim("the exit status is passed on one to one")
def _() -> None:
    for status in (0, 1, 3, 124, 255):
        result = run("--", "sh", "-c", f"exit {status}")
        expect(result.returncode == status, result)


@claim("a signal that ends the program becomes 128 and its number")
def _() -> None:
    result = run("--", "sh", "-c", "kill -USR1 $$")
    expect(result.returncode == 128 + 10, result)


@claim("a program that is not there is 127, one that cannot be executed is 126")
def _() -> None:
    expect(run("--", "no-such-program").returncode == 127, "not there")
    expect(run("--", "/usr/share").returncode == 126, "a folder")


@claim("a memory hog ends with 137 and one sentence that says why")
def _() -> None:
    result = run("--memory", "48M", "--", PYTHON, "-c", "x = bytearray(256 << 20); print(len(x))")
    expect(result.returncode == 137, result)
    expect("memory" in result.stderr, result.stderr)
    expect(result.stdout == "", result.stdout)


@claim("what runs too long is ended with status 124")
def _() -> None:
    result = run("--timeout", "2s", "--", "sleep", "600")
    expect(result.returncode == 124, result)


@claim("an unknown option is refused with one sentence and status 125")
def _() -> None:
    result = run("--cpu-count", "3", "--", "true")
    expect(result.returncode == 125, result)
    expect("--cpu-count" in result.stderr, result.stderr)


if __name__ == "__main__":
    sys.exit(main())
