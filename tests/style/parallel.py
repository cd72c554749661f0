"""Runs one command per file, as many at a time as there are processors."""

import math
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from memo import Memo, key_of
from tree import relative

LATE = "late"


def check_each(paths: list[Path], command_for: Callable[[Path], list[str]], memo: Memo, *more: str,
               deadline: float = math.inf) -> tuple[list[str], int]:
    """The output of each command that failed, and how many files the time did not suffice for. `more`: what
    else the verdicts depend on; `deadline`: of time.monotonic(), after which no command is started."""

    def check(path: Path) -> str | None:
        command = command_for(path)
        key = key_of(path, *more, *command)
        if memo.has(key):
            return None
        if time.monotonic() > deadline:
            return LATE
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode == 0:
            memo.add(key)
            return None
        return f"{relative(path)}:\n{(run.stdout + run.stderr).strip()}"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = [output for output in pool.map(check, paths) if output is not None]
    return [output for output in outputs if output != LATE], outputs.count(LATE)
