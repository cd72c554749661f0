"""The rule of the rooms: who may use whom. A room's meson dependencies are the truth, they follow the
table, and its includes stay within them."""

import re
from pathlib import Path

# Each room and the rooms it may name; what those may name, it may use as well.
MAY_USE: dict[str, set[str]] = {
    "base": set(),
    "proto": {"base"},
    "policy": {"base"},
    "replay": {"base", "policy"},
    "seccomp": {"base"},
    "sys": {"base"},
    "shard": {"base", "policy", "seccomp", "sys"},
    "blob": {"base", "sys"},
    "gate": {"base", "sys"},
    "streamer": {"base", "seccomp", "sys", "blob"},
    "fetcher": {"base", "seccomp", "sys", "blob"},
    "image": {"base", "sys", "blob"},
    "importer": {"base", "seccomp", "sys", "blob", "image"},
    "trees": {"base", "policy", "sys", "blob", "gate", "streamer", "fetcher", "image", "shard"},
    "client": {"base", "proto", "sys"},
    "supervisor": {"base", "proto", "policy", "seccomp", "sys", "shard", "client"},
    "cli": {"base", "proto", "policy", "replay", "seccomp", "sys", "shard", "blob", "image", "trees", "client",
            "supervisor"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
DEPENDENCY = re.compile(r"\b([a-z]+)_(?:dep|lib)\b")
PUBLIC = "shardrun"


def violations(tree: Path) -> list[str]:
    """One sentence for each."""
    links = {room: _links(tree / "src" / room / "meson.build", room) for room in MAY_USE}
    wrong = [f"src/{folder.name}: a room that the table in tests/style/rooms.py does not know"
             for folder in sorted((tree / "src").iterdir()) if folder.is_dir() and folder.name not in MAY_USE]
    for room, linked in links.items():
        for other in sorted(linked - MAY_USE[room]):
            wrong.append(f"src/{room}/meson.build: {room} may not link {other}")
        reachable = _closure(room, links)
        for path in sorted((tree / "src" / room).rglob("*")):
            if path.suffix in (".h", ".cc"):
                wrong += _bad_includes(path, tree, room, reachable)
    for path in sorted((tree / "include").rglob("*.h")):
        wrong += _bad_includes(path, tree, PUBLIC, set())
    return wrong


def _links(meson: Path, room: str) -> set[str]:
    if not meson.exists():
        return set()
    code = re.sub(r"#.*", "", meson.read_text())
    return {name for name in DEPENDENCY.findall(code) if name in MAY_USE and name != room}


def _closure(room: str, links: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [room]
    while waiting:
        for other in links[waiting.pop()] - reached:
            reached.add(other)
            waiting.append(other)
    return reached


def _bad_includes(path: Path, tree: Path, room: str, reachable: set[str]) -> list[str]:
    wrong = []
    for name in INCLUDE.findall(path.read_text()):
        other = name.split("/")[0]
        where = f"{path.relative_to(tree)}: {room} includes '{name}'"
        if "/" not in name or other not in {*MAY_USE, PUBLIC}:
            # Our headers are named from the top of src/ or include/; what the build makes is quoted
            # by its bare name.
            if not name.endswith(".inc"):
                wrong.append(f"{where}, which is not named from the top of src/ or include/")
        elif other not in {room, PUBLIC} and other not in reachable:
            wrong.append(f"{where}, but its meson.build does not depend on {other}")
    return wrong
