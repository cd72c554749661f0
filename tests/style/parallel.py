"""Runs one command per file, as many at a time as there are processors."""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from memo import Memo, key_of
from tree import relative


def check_each(paths: list[Path], command_for: Callable[[Path], list[str]], memo: Memo, *more: str) -> list[str]:
    """The output of each command that failed. `more`: what else the verdicts depend on."""

    def check(path: Path) -> str | None:
        command = command_for(path)
        key = key_of(path, *more, *command)
        if memo.has(key):
            return None
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode == 0:
            memo.add(key)
            return None
        return f"{relative(path)}:\n{(run.stdout + run.stderr).strip()}"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [output for output in pool.map(check, paths) if output is not None]
