#!/usr/bin/python3
"""OCI image layouts: layers, whiteouts, platforms, digests."""

import json
import os
import sys
from pathlib import Path

from world import Layout, World, folder, hard_link, layout_of, link, member, tar

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from claims import claim, expect, main  # noqa: E402

LOWER = tar(folder("etc"), member("etc/a", b"lower a"), member("etc/b", b"lower b"), folder("opt"), folder("opt/x"),
            member("opt/x/1", b"1"), member("opt/x/2", b"2"), member("gone", b"gone"), folder("tree"), member("tree/leaf", b"leaf"),
            member("kind", b"file"), member("one", b"shared"), hard_link("two", "one"), link("to-etc", "etc"))
MIDDLE = tar(member("etc/a", b"middle a"), member("etc/.wh.b", b""), member(".wh.gone", b""), member(".wh.tree", b""),
             folder("opt/x"), member("opt/x/3", b"3"), member("opt/x/.wh..wh..opq", b""), folder("kind"), member("kind/in", b"in"),
             member(".wh.one", b""), member(".wh..wh.plnk", b""), member(".wh.never-there", b""))
UPPER = tar(member("tree/new", b"new"), member("etc/c", b"upper c"), member("opt/x/4", b"4"), folder("etc", mode=0o700))
MERGED = {"etc/a": b"middle a", "etc/c": b"upper c", "opt/x/3": b"3", "opt/x/4": b"4", "tree/new": b"new", "kind/in": b"in",
          "two": b"shared"}


def imported(world: World, layout: Layout, name: str, *more: str) -> dict:
    where = world.folder / f"layout-{name}"
    layout.write(where)
    return world.json("image", "import", "--name", name, *more, where)


@claim("layers are put one above the other, whiteouts take away, opaque directories hide")
def layers() -> None:
    with World() as world:
        for compress in ("none", "gzip", "zstd"):
            imported(world, layout_of(LOWER, MIDDLE, UPPER, compress=compress), compress)
            expect(world.contents(compress) == MERGED, world.contents(compress))
        entries = world.entries("gzip")
        expect(entries["kind"]["type"] == "directory" and entries["etc"]["mode"] == 0o700, entries)
        expect(entries["to-etc"]["type"] == "symlink" and "one" not in entries and ".wh.gone" not in entries, entries)


@claim("whiteouts of a layer do not touch what the layer itself has, whatever comes first")
def order_within_layer() -> None:
    with World() as world:
        for first in (True, False):
            pieces = [member(".wh.d", b""), folder("d"), member("d/new", b"new")]
            layer = tar(*(pieces if first else [*pieces[1:], pieces[0]]))
            name = f"first-{first}".lower()
            imported(world, layout_of(tar(folder("d"), member("d/old", b"old")), layer), name)
            expect(world.contents(name) == {"d/new": b"new"}, world.contents(name))


@claim("a layout in a tar archive is the same image, whatever its order and compression")
def as_archive() -> None:
    with World() as world:
        layout = layout_of(LOWER, MIDDLE, UPPER)
        wanted = imported(world, layout, "direct")["digest"]
        for name, data in (("sorted", layout.as_tar()),
                           ("dotted", tar(folder("./"), folder("blobs"), *[member("./" + n, d) for n, d in sorted(layout.files.items())])),
                           ("reversed", tar(*[member(n, d) for n, d in sorted(layout.files.items(), reverse=True)]))):
            path = world.folder / f"{name}.tar"
            path.write_bytes(data)
            expect(world.json("image", "import", path)["digest"] == wanted, name)


@claim("a file system that has files called like a layout's is no layout")
def no_layout() -> None:
    with World() as world:
        path = world.folder / "t.tar"
        path.write_bytes(tar(member("bin/x", b"1"), member("index.json", b"{}"), member("oci-layout", b"{}")))
        expect(world.json("image", "import", path)["entries"] == 5, "entries")


@claim("the platform and the reference choose, through nested indexes; what is unclear is refused with the choices")
def choices() -> None:
    with World() as world:
        layout = Layout()
        platforms = {arch: {"os": "linux", "architecture": arch} for arch in ("amd64", "arm64")}
        images = {arch: layout.image([tar(member("arch", arch.encode()))], platform=platforms[arch]) for arch in platforms}
        nested = layout.document(layout.index(list(images.values())), "index.v1",
                                 annotations={"org.opencontainers.image.ref.name": "multi"})
        single = layout.image([tar(member("arch", b"single"))], annotations={"org.opencontainers.image.ref.name": "single"})
        layout.finish(nested, single)
        for more, wanted in ((["--reference", "multi", "--platform", "linux/arm64"], b"arm64"),
                             (["--reference", "multi", "--platform", "linux/amd64"], b"amd64"),
                             (["--reference", "single"], b"single")):
            imported(world, layout, "t", *more)
            expect(world.contents("t") == {"arch": wanted}, more)
        where = world.folder / "layout-t"
        world.refused("image", "import", "--name", "t", where, sentence="choose one with --reference or --platform, of 'multi', 'single'")
        world.refused("image", "import", "--name", "t", "--reference", "none", where, sentence="no image 'none'")
        world.refused("image", "import", "--name", "t", "--reference", "multi", "--platform", "linux/s390x", where, sentence="there is linux/amd64, linux/arm64")


@claim("how the image wants to be run is kept")
def run_config() -> None:
    with World() as world:
        config = {"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["echo hi"], "Env": ["PATH=/bin", "A=1"], "WorkingDir": "/srv", "User": "7:8"}
        imported(world, layout_of(LOWER, config=config), "t")
        expect(world.json("image", "inspect", "t")["run"] == {
            "entrypoint": config["Entrypoint"], "command": config["Cmd"], "environment": config["Env"],
            "working_directory": "/srv", "user": "7:8"}, "run")


@claim("a blob with other bytes than its digest says is refused, be it document or layer")
def wrong_bytes() -> None:
    with World() as world:
        for number, chosen in enumerate(sorted(layout_of(LOWER, UPPER).files)):
            if not chosen.startswith("blobs/"):
                continue
            layout = layout_of(LOWER, UPPER)
            data = bytearray(layout.files[chosen])
            data[len(data) // 2] ^= 1
            for name, changed in (("flipped", bytes(data)), ("longer", layout.files[chosen] + b" "), ("missing", None)):
                layout = layout_of(LOWER, UPPER)
                if changed is None:
                    del layout.files[chosen]
                else:
                    layout.files[chosen] = changed
                where = layout.write(world.folder / f"bad-{number}-{name}")
                done = world.call("image", "import", "--name", "t", where)
                expect(done.returncode == 1 and done.stderr.count(b"\n") == 1, (chosen, name, done))
        expect(world.json("image", "ls") == [], "nothing has a name")


@claim("what a layer may not do is refused, with the layer and the path")
def bad_layers() -> None:
    with World() as world:
        for number, (bad, sentence) in enumerate((
                (tar(member("to-etc/x", b"1")), "layer 2 of 2: 'to-etc/x' goes through 'to-etc', which is a symbolic link"),
                (tar(member("to-etc/.wh.a", b"")), "ELOOP"),
                (tar(member("../.wh.a", b"")), "layer 2 of 2: '../.wh.a' has '..' as a part"),
                (tar(member("etc/.wh...", b"")), "has '..' as a part"),
                (tar(member(".wh.", b"")), "is a whiteout of nothing"),
                (tar(hard_link("h", "gone-by")), "layer 2 of 2: 'h' is a hard link to 'gone-by', which is not there"))):
            if sentence == "ELOOP":
                continue  # Hides nothing: no path leads through a link.
            world.refused("image", "import", "--name", "t", layout_of(LOWER, bad).write(world.folder / f"bad-{number}"), sentence=sentence)
        many = layout_of(*[tar(member(f"f{i}", b"")) for i in range(20)]).write(world.folder / "many")
        world.refused("image", "import", "--max-layers", "19", many, sentence="20 layers, more than 19; --max-layers")


@claim("malformed documents are refused with their place")
def bad_documents() -> None:
    with World() as world:
        good = layout_of(LOWER)
        index = json.loads(good.files["index.json"])
        cases = [b"", b"{", b"[]", b"null", b'{"manifests": 1}', b"[" * 100_000, b'{"a":' * 1000, b"{}", b" " * 5_000_000]
        for change in ({"digest": "sha256:12"}, {"digest": "md5:" + "0" * 32}, {"size": -1}, {"size": "1"}, {"digest": 5},
                       {"size": index["manifests"][0]["size"] + 1}, {"platform": []}, {"annotations": 1}):
            cases.append(json.dumps({"manifests": [{**index["manifests"][0], **change}]}).encode())
        for number, text in enumerate(cases):
            layout = layout_of(LOWER)
            layout.files["index.json"] = text
            done = world.call("image", "import", "--name", "t", layout.write(world.folder / f"bad-{number}"))
            expect(done.returncode == 1 and done.stderr.count(b"\n") == 1, (text[:80], done))


@claim("a layout directory cannot lead the importer elsewhere")
def links_in_layout() -> None:
    with World() as world:
        secret = world.folder / "secret"
        secret.write_bytes(b"{}")
        for name in ("index.json", "blobs"):
            where = layout_of(LOWER).write(world.folder / f"layout-{name}")
            moved = world.folder / f"moved-{name}"
            os.rename(where / name, moved)
            os.symlink(moved, where / name)
            done = world.call("image", "import", "--name", "t", where)
            expect(done.returncode == 1, done)


if __name__ == "__main__":
    sys.exit(main())
