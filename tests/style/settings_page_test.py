#!/usr/bin/python3
"""shardrun.toml(5) says of every key what the installed file says, which a unit test holds to the table of keys."""

import re
import sys

from tree import TREE, conclude

PAGE = (TREE / "man" / "shardrun.toml.5").read_text()
INSTALLED = (TREE / "src" / "cli" / "shardrun.toml").read_text()


def main() -> int:
    keys = _installed_keys()
    status = conclude("the installed file's keys are read", [] if len(keys) > 40 else [f"only {len(keys)} keys"])
    status |= conclude("every key's meaning, bounds and default are in the page", _missing(keys))
    status |= conclude("the page tells of no key that is not there", _unknown(keys))
    return status


def _installed_keys() -> dict[tuple[str, str], tuple[str, str]]:
    """(table, key) to (comment, default), from '# comment' lines followed by '#key = default'."""
    keys, table, comment = {}, "", []
    for line in INSTALLED.splitlines():
        if header := re.fullmatch(r"\[(.*)\]", line):
            table, comment = header[1], []
        elif line.startswith("# "):
            comment.append(line[2:])
        elif key := re.fullmatch(r"#(\w+) = (.*)", line):
            keys[table, key[1]] = (" ".join(comment), key[2])
            comment = []
    return keys


def _page_keys() -> dict[tuple[str, str], str]:
    """(table, key) to what the page says of it, on one line."""
    keys = {}
    for section in re.split(r"^\.Ss ", PAGE, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        if not heading.startswith("Table "):
            continue
        for item in re.findall(r"^\.It Ic (\w+)\n(.*?)(?=^\.It|^\.El)", body, re.MULTILINE | re.DOTALL):
            keys[heading.removeprefix("Table "), item[0]] = " ".join(item[1].split())
    return keys


def _page_name(table: str, key: str) -> tuple[str, str]:
    if table == "seccomp.profiles":
        return table, "NAME"
    return table.replace("clients.default", "clients.USER"), key


def _missing(keys: dict[tuple[str, str], tuple[str, str]]) -> list[str]:
    page, wrong = _page_keys(), []
    for (table, key), (comment, default) in keys.items():
        if table == "clients.default.limits_max":  # By reference to [shard.limits].
            continue
        told = page.get(_page_name(table, key), "")
        wanted = comment if table == "seccomp.profiles" else f"{comment} Default: {default}."
        if told != wanted:
            wrong.append(f"{table}.{key}: '{told}' instead of '{wanted}'")
    return wrong


def _unknown(keys: dict[tuple[str, str], tuple[str, str]]) -> list[str]:
    known = {_page_name(table, key) for table, key in keys}
    return [f"{table}.{key}" for table, key in _page_keys() if (table, key) not in known]


if __name__ == "__main__":
    sys.exit(main())
