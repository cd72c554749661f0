#!/usr/bin/python3
"""The static prior: which file an image's own files say is opened after which."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from world import World, folder, link, member, tar

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from claims import claim, expect, main  # noqa: E402


def elf(*needed: str, interpreter: str = "", runpath: str = "", machine: int = 62, padding: int = 0) -> bytes:
    """A 64-bit little-endian ELF file with a dynamic section, behind `padding` bytes."""
    strings = b"\0" + b"".join(text.encode() + b"\0" for text in [*needed, runpath])
    at = {text: strings.index(text.encode() + b"\0") for text in [*needed, runpath] if text}
    interp = interpreter.encode() + b"\0"
    count = 3 if interpreter else 2
    text_at = 64 + 56 * count
    dynamic_at = text_at + len(interp) + len(strings) + padding
    tags = [(1, at[name]) for name in needed] + ([(29, at[runpath])] if runpath else [])
    tags += [(5, text_at + len(interp)), (10, len(strings)), (0, 0)]
    dynamic = b"".join(tag.to_bytes(8, "little") + value.to_bytes(8, "little") for tag, value in tags)

    def segment(kind: int, offset: int, size: int) -> bytes:
        return kind.to_bytes(4, "little") + bytes(4) + b"".join(v.to_bytes(8, "little") for v in (offset, offset, offset, size, size, 1))

    header = b"\x7fELF\x02\x01\x01" + bytes(9) + (3).to_bytes(2, "little") + machine.to_bytes(2, "little") + (1).to_bytes(4, "little")
    header += bytes(8) + (64).to_bytes(8, "little") + bytes(8) + bytes(4) + b"".join(v.to_bytes(2, "little") for v in (64, 56, count, 0, 0, 0))
    segments = segment(1, 0, dynamic_at + len(dynamic)) + segment(2, dynamic_at, len(dynamic))
    if interpreter:
        segments += segment(3, text_at, len(interp))
    return header + segments + interp + strings + bytes(padding) + dynamic


@claim("programs lead to their interpreter and libraries, as the dynamic linker finds them")
def libraries() -> None:
    with World() as world:
        loader = "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
        data = tar(
            link("lib64", "lib/x86_64-linux-gnu"), member(loader, elf()), member("lib/x86_64-linux-gnu/libc.so.6", elf()),
            member("usr/lib/liba.so.1.0", elf("libc.so.6")), link("usr/lib/liba.so.1", "liba.so.1.0"),
            member("opt/own/libb.so", elf("libc.so.6")), member("srv/conf/libc2.so", elf()),
            member("etc/ld.so.conf", b"# comment\ninclude ld.so.conf.d/*.conf\n"), member("etc/ld.so.conf.d/x.conf", b"/srv/conf\n"),
            member("lib/foreign.so", elf(machine=183)), member("usr/lib/foreign.so", elf()),
            member("opt/bin/program", elf("libc.so.6", "liba.so.1", "libb.so", "libc2.so", "foreign.so", "nowhere.so",
                                          interpreter="/lib64/ld-linux-x86-64.so.2", runpath="/none:$ORIGIN/../own"), mode=0o755),
            member("opt/bin/large", elf("liba.so.1", padding=20_000_000)))
        world.ok("image", "import", "--name", "t", "-", data=data)
        expect(world.edges("t") == {
            ("opt/bin/program", "interpreter", loader), ("opt/bin/program", "library", "lib/x86_64-linux-gnu/libc.so.6"),
            ("opt/bin/program", "library", "usr/lib/liba.so.1.0"), ("opt/bin/program", "library", "opt/own/libb.so"),
            ("opt/bin/program", "library", "srv/conf/libc2.so"), ("opt/bin/program", "library", "usr/lib/foreign.so"),
            ("opt/bin/large", "library", "usr/lib/liba.so.1.0"), ("usr/lib/liba.so.1.0", "library", "lib/x86_64-linux-gnu/libc.so.6"),
            ("opt/own/libb.so", "library", "lib/x86_64-linux-gnu/libc.so.6")}, world.edges("t"))
        expect(world.entries("t")["opt/bin/program"]["kind"] == "code", "kind")


@claim("scripts lead to their interpreters, also through env")
def shebangs() -> None:
    with World() as world:
        data = tar(member("usr/bin/python3.11", elf()), link("usr/bin/python3", "python3.11"), member("usr/bin/env", elf()), member("bin/sh", elf()),
                   member("a", b"#!/bin/sh -e\n"), member("b", b"#! /usr/bin/env -S A=1 python3 -x\n"), member("c", b"#!/nowhere\n"))
        world.ok("image", "import", "--name", "t", "-", data=data)
        expect(world.edges("t") == {("a", "shebang", "bin/sh"), ("b", "shebang", "usr/bin/env"), ("b", "shebang", "usr/bin/python3.11")},
               world.edges("t"))


@claim("Python sources lead to the modules they import and to their byte code")
def python_imports() -> None:
    with World() as world:
        lib = "usr/lib/python3.11"
        files = {
            f"{lib}/os.py": b"", f"{lib}/json/__init__.py": b"from .decoder import JSONDecoder\n", f"{lib}/json/decoder.py": b"from json import scanner\n",
            f"{lib}/json/scanner.py": b"", f"{lib}/lib-dynload/_zlib.cpython-311-x86_64-linux-gnu.so": b"", f"{lib}/__pycache__/os.cpython-311.pyc": b"",
            f"{lib}/__pycache__/os.cpython-311.opt-1.pyc": b"", f"{lib}/site-packages/dep/__init__.py": b"", f"{lib}/site-packages/dep/sub.py": b"",
            "usr/lib/python3/dist-packages/deb.py": b"", "usr/lib/python2.7/os.py": b"",
            "app/main.py": b"import os, json.decoder as d\nimport _zlib\nfrom dep import sub, nothing\nimport deb\nfrom pkg.inner import leaf\n"
                           b"def f():\n    import late\n\"\"\"\nimport never\n\"\"\"\n",
            "app/late.py": b"", "app/never.py": b"", "app/pkg/__init__.py": b"", "app/pkg/inner/__init__.py": b"from . import leaf\nfrom ..other import x\n",
            "app/pkg/inner/leaf.py": b"", "app/pkg/other.py": b"from . import *\nimport os\n"}
        world.ok("image", "import", "--name", "t", "-", data=tar(*[member(name, data) for name, data in files.items()]))
        imports = {(a, b) for a, reason, b in world.edges("t") if reason == "python import"}
        wanted = {"app/main.py": [f"{lib}/os.py", f"{lib}/json/__init__.py", f"{lib}/json/decoder.py",
                                  f"{lib}/lib-dynload/_zlib.cpython-311-x86_64-linux-gnu.so", f"{lib}/site-packages/dep/__init__.py",
                                  f"{lib}/site-packages/dep/sub.py", "usr/lib/python3/dist-packages/deb.py", "app/pkg/__init__.py",
                                  "app/pkg/inner/__init__.py", "app/pkg/inner/leaf.py", "app/late.py"],
                  "app/pkg/inner/__init__.py": ["app/pkg/__init__.py", "app/pkg/inner/leaf.py", "app/pkg/other.py"],
                  "app/pkg/other.py": ["app/pkg/__init__.py", f"{lib}/os.py"],
                  f"{lib}/json/__init__.py": [f"{lib}/json/decoder.py"],
                  f"{lib}/json/decoder.py": [f"{lib}/json/__init__.py", f"{lib}/json/scanner.py"]}
        for source, targets in wanted.items():
            got = {b for a, b in imports if a == source}
            expect(got == set(targets), (source, got, targets))
        caches = {edge for edge in world.edges("t") if edge[1] == "python cache"}
        expect(caches == {(f"{lib}/os.py", "python cache", f"{lib}/__pycache__/os.cpython-311.pyc")}, caches)


@claim("configuration and shell scripts lead to the files they name")
def named_paths() -> None:
    with World() as world:
        text = (b"path = /srv/data.bin\nother='/srv/link'\nurl http://srv/data2.bin rel/srv/data2.bin $X/srv/data2.bin\n"
                b"# see /srv/data3.bin.\ndir /srv none /srv/none\n")
        data = tar(folder("srv"), *[member(f"srv/data{n}.bin", b"1") for n in ("", "2", "3", "4")], link("srv/link", "/srv/data4.bin"),
                   member("etc/app.conf", text), member("run.sh", b"exec /srv/data.bin\n"), member("notes.txt", b"/srv/data.bin"),
                   member("binary.conf", b"\0/srv/data.bin"))
        world.ok("image", "import", "--name", "t", "-", data=data)
        expect(world.edges("t") == {("etc/app.conf", "named path", f"srv/data{n}.bin") for n in ("", "3", "4")}
               | {("run.sh", "named path", "srv/data.bin")}, world.edges("t"))


@claim("what ldd(1) says of a real program, the prior says too")
def like_ldd() -> None:
    program = shutil.which("git") or shutil.which("tar")
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = re.findall(r"(?:=> )?(/\S+) \(0x", listed)
    with World() as world:
        root = world.folder / "root"
        for path in [program, *libraries]:
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        world.ok("image", "import", "--name", "t", root)
        reached, waiting, edges = set(), [program.lstrip("/")], world.edges("t")
        while waiting:
            here = waiting.pop()
            new = {to for source, _, to in edges if source == here} - reached
            reached |= new
            waiting += new
        expect(reached == {path.lstrip("/") for path in libraries}, (reached, libraries))


if __name__ == "__main__":
    sys.exit(main())
