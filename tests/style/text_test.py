#!/usr/bin/python3
"""What holds for every text of the tree, whatever its language."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tree import TREE, conclude, files, relative

TOP_LEVEL = {"LICENSE", "README.md", "include", "man", "meson.build", "scripts", "src", "tests"}
LINES_MAX = 500
# Unfinished work, and paths that exist on somebody's own machine only.
FORBIDDEN = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|(?<![\w./])/(?:work|home/\w+)/")


def main() -> int:
    texts = {path: text for path in files() if (text := _read(path)) is not None}
    texts |= {TREE / name: _read(TREE / name) or "" for name in ("meson.build", "README.md") if (TREE / name).exists()}
    status = conclude("the top level is exactly what it should be", _top_level())
    status |= conclude("every text ends with a newline", _no_newline(texts))
    status |= conclude("no text has trailing blanks or tabs for indents", _blanks(texts))
    status |= conclude("no text speaks of unfinished work or of one machine", _forbidden(texts))
    status |= conclude(f"no source is longer than {LINES_MAX} lines", _long(texts))
    status |= conclude("shellcheck has nothing to say about any script", _scripts(texts))
    status |= conclude("every Python program compiles", _python(texts))
    status |= conclude("mandoc has nothing to say about any manual page", _manuals())
    return status


def _read(path: Path) -> str | None:
    """None for what is not text: test data may be bytes."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None


def _top_level() -> list[str]:
    there = {name for name in os.listdir(TREE) if not name.startswith((".", "build")) and name != "compile_commands.json"}
    return [f"'{name}' does not belong at the top level" for name in sorted(there - TOP_LEVEL)] + [
        f"'{name}' is missing at the top level" for name in sorted(TOP_LEVEL - there)]


def _no_newline(texts: dict[Path, str]) -> list[str]:
    return [f"{relative(path)}: ends without a newline" for path, text in texts.items()
            if text and not text.endswith("\n") and not _is_data(path)]


def _is_data(path: Path) -> bool:
    """Inputs of tests are what they are."""
    return any(part in ("corpus", "golden", "data") for part in path.parts)


def _blanks(texts: dict[Path, str]) -> list[str]:
    return [f"{relative(path)}:{number}: trailing blanks or a tab for an indent"
            for path, text in texts.items() if not _is_data(path)
            for number, line in enumerate(text.split("\n"), 1) if line != line.rstrip() or line.startswith("\t")]


def _forbidden(texts: dict[Path, str]) -> list[str]:
    return [f"{relative(path)}:{number}: '{match.group()}'"
            for path, text in texts.items() if not _is_data(path)
            for number, line in enumerate(text.splitlines(), 1) if (match := FORBIDDEN.search(line))]


def _long(texts: dict[Path, str]) -> list[str]:
    return [f"{relative(path)}: {text.count(chr(10))} lines" for path, text in texts.items()
            if path.suffix in (".h", ".cc", ".py") and text.count("\n") > LINES_MAX]


def _scripts(texts: dict[Path, str]) -> list[str]:
    scripts = [str(path) for path, text in texts.items()
               if re.match(r"#!.*/(ba|da)?sh|#!/bin/busybox sh|# shellcheck shell=", text)]
    run = subprocess.run(["shellcheck", "-x", *scripts], cwd=TREE, capture_output=True, text=True, check=False)
    return run.stdout.splitlines()


def _python(texts: dict[Path, str]) -> list[str]:
    wrong = []
    for path, text in texts.items():
        if path.suffix == ".py" or text.startswith("#!/usr/bin/python3"):
            try:
                compile(text, str(path), "exec")
            except SyntaxError as error:
                wrong.append(f"{relative(path)}:{error.lineno}: {error.msg}")
    return wrong


def _manuals() -> list[str]:
    pages = [str(path) for path in files(folders=["man"]) if re.fullmatch(r"\.[1-9]", path.suffix)]
    if not pages:
        return []
    run = subprocess.run(["mandoc", "-Tlint", "-W", "style", *pages], capture_output=True, text=True, check=False)
    return [line for line in run.stdout.splitlines() + run.stderr.splitlines() if not _is_about_host(line)]


def _is_about_host(line: str) -> bool:
    """Which pages of others are installed here, or indexed, says nothing of ours; a page of ours must be in man/."""
    missing = re.search(r"referenced manual not found: Xr (\S+) (\d)", line)
    if missing:
        return not missing[1].startswith("shardrun") or (TREE / "man" / f"{missing[1]}.{missing[2]}").exists()
    return "outdated mandoc.db" in line


if __name__ == "__main__":
    sys.exit(main())
