"""The files of the source tree, for every style test."""

import os
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
FOLDERS = ["include", "man", "scripts", "src", "tests", ".ci"]


def files(*suffixes: str, tree: Path = TREE, folders: list[str] | None = None) -> list[Path]:
    """Sorted; only names that end with one of the suffixes, if there are any."""
    found = []
    for folder in folders or FOLDERS:
        for parent, subfolders, names in os.walk(tree / folder):
            subfolders[:] = [name for name in subfolders if name != "__pycache__"]
            found += [Path(parent, name) for name in names if not suffixes or name.endswith(suffixes)]
    return sorted(found)


def relative(path: Path) -> str:
    return str(path.relative_to(TREE))


def conclude(claim: str, wrong: list[str]) -> int:
    """Prints one claim in TAP and what contradicts it; the exit status."""
    for sentence in wrong:
        print(sentence)
    print(f"{'not ok' if wrong else 'ok'} - {claim}")
    return 1 if wrong else 0
