"""Remembers what was checked and found right, by a hash of all that the verdict depends on."""

import hashlib
import re
from pathlib import Path

from tree import TREE

INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


class Memo:
    """A folder of empty files, each the name of something that was right."""

    def __init__(self) -> None:
        # In the tree and not in a build folder: the verdicts outlive a fresh build.
        self._folder = TREE / ".cache" / "style"
        self._folder.mkdir(parents=True, exist_ok=True)

    def has(self, key: str) -> bool:
        return (self._folder / key).exists()

    def add(self, key: str) -> None:
        (self._folder / key).touch()


def key_of(path: Path, *more: str) -> str:
    """Changes with the file, with each of our headers it includes, and with `more`."""
    digest = hashlib.sha256()
    for text in more:
        digest.update(text.encode() + b"\0")
    for part in sorted(_closure(path)):
        digest.update(str(part).encode() + b"\0" + part.read_bytes())
    return digest.hexdigest()


def _closure(path: Path) -> set[Path]:
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        for raw in INCLUDE.findall(here.read_bytes()):
            name = raw.decode()
            for folder in (TREE / "src", TREE / "include", TREE, TREE / "tests", here.parent):
                if (folder / name).is_file():
                    waiting.append((folder / name).resolve())
                    break
    return seen
