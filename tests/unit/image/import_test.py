#!/usr/bin/python3
"""Importing directories and archives, and getting back what went in."""

import bz2
import gzip
import lzma
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from world import IS_ROOT, IS_SANITIZED, World, folder, hard_link, link, member, tar, wait_for_importer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from claims import claim, expect, main  # noqa: E402

ODD_NAMES = [b"with space", b"new\nline", b"\xff\xfe not text", b"e\xcc\x81", b"\xc3\xa9", b"back\\slash", b"'quotes\"",
             b"-dash", b"x" * 255, b"a", b"a-b", b"a.b", b"tab\t", b"\x01"]


def make_tree(root: bytes) -> None:
    """A bit of everything that a file system has."""
    os.makedirs(root + b"/empty/deeper")
    os.makedirs(root + b"/dir")
    for name in ODD_NAMES:
        Path(os.fsdecode(root + b"/dir/" + name)).write_bytes(b"content of " + name)
    deep = root
    for i in range(20):
        deep += b"/" + bytes(f"level-{i}-{'y' * 60}", "ascii")
        os.mkdir(deep)
    Path(os.fsdecode(deep + b"/end")).write_bytes(b"deep")
    Path(os.fsdecode(root + b"/big")).write_bytes(bytes(range(256)) * 12000)
    Path(os.fsdecode(root + b"/empty-file")).write_bytes(b"")
    with open(root + b"/sparse", "wb") as sparse:
        sparse.truncate(3_000_000)
        sparse.seek(1_500_000)
        sparse.write(b"island")
    os.link(root + b"/big", root + b"/dir/z-linked")
    os.link(root + b"/big", root + b"/a-linked")
    os.symlink(b"../big", root + b"/dir/to-big")
    os.symlink(b"/nowhere/" + b"t" * 200, root + b"/dangling")
    os.symlink(b"\xff\xfe", root + b"/odd-target")
    os.chmod(root + b"/big", 0o4751)
    os.chmod(root + b"/dir", 0o1777)
    os.chmod(root + b"/empty", 0o2750)
    os.setxattr(root + b"/big", "user.colour", b"blue\0green")
    if IS_ROOT:
        os.chown(root + b"/empty", 12345, 4_000_000_000)
        os.chown(root + b"/dangling", 7, 8, follow_symlinks=False)
        os.setxattr(root + b"/empty-file", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
        os.chmod(root + b"/dir/a", 0o600)
    for seconds, name in ((0, b"/empty-file"), (1_234_567_890, b"/dir/a"), (10_000_000_000, b"/dir/a-b")):
        os.utime(root + name, ns=(0, seconds * 1_000_000_000 + 123_456_789))
    os.utime(root + b"/sparse", ns=(0, -1_500_000_000))


def describe(root: bytes) -> dict[bytes, tuple]:
    """Everything about a tree that an image keeps."""
    found, inodes = {}, {}
    for here, folders, files in os.walk(root):
        for name in [b"", *folders, *files] if here == root else [*folders, *files]:
            path = os.path.join(here, name) if name else root
            status = os.lstat(path)
            first = inodes.setdefault((status.st_dev, status.st_ino), path[len(root):])
            is_file, is_link = os.path.isfile(path), os.path.islink(path)
            keeps = is_file and not is_link
            found[path[len(root):]] = (
                status.st_mode, status.st_uid, status.st_gid, None if is_link else status.st_mtime_ns,
                os.readlink(path) if is_link else None, Path(os.fsdecode(path)).read_bytes() if keeps else None,
                sorted((key, os.getxattr(path, key)) for key in os.listxattr(path)) if keeps else None,
                first if keeps and status.st_nlink > 1 else None)
    return found


def same(a: dict, b: dict) -> None:
    differing = [key for key in {*a, *b} if a.get(key) != b.get(key)]
    expect(not differing, [(key, a.get(key, ())[:5], b.get(key, ())[:5]) for key in differing[:5]])


def extract(world: World, name: str) -> bytes:
    out = world.folder / f"out-{name}"
    out.mkdir()
    archive = world.folder / f"{name}.exported.tar"
    world.ok("image", "export", name, "--output", archive)
    how = ["--xattrs", "--xattrs-include=*", "--numeric-owner"] + (["--same-owner"] if IS_ROOT else [])
    done = subprocess.run(["tar", "-xpf", str(archive), "-C", str(out), *how], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, done)
    return os.fsencode(out)


@claim("a directory that is imported and exported comes back as it was")
def round_trip() -> None:
    with World() as world:
        root = os.fsencode(world.folder / "tree")
        make_tree(root)
        if IS_ROOT:
            os.chmod(root, 0o700)  # Nobody but root may look in.
        before = describe(root)
        world.ok("image", "import", "--name", "tree", os.fsdecode(root))
        same(before, describe(extract(world, "tree")))


@claim("the same content is the same image, and its second import stores nothing")
def same_digest() -> None:
    with World() as world:
        root = os.fsencode(world.folder / "tree")
        make_tree(root)
        first = world.json("image", "import", "--name", "one", os.fsdecode(root))
        second = world.json("image", "import", "--name", "two", os.fsdecode(root))
        expect(first["digest"] == second["digest"] and first["new_blobs"] > 0, (first, second))
        expect(second["new_blobs"] == 0 and second["new_bytes"] == 0, second)


@claim("a tree as GNU tar writes it, in each format and compression, is the image of the directory")
def by_gnu_tar() -> None:
    with World() as world:
        root = os.fsencode(world.folder / "tree")
        make_tree(root)
        wanted = world.json("image", "import", "--name", "direct", os.fsdecode(root))["digest"]
        variants = [("pax", [], None), ("pax", [], gzip.compress), ("pax", [], bz2.compress), ("pax", [], lzma.compress),
                    ("pax", ["-S"], None)]
        for number, (layout, more, pack) in enumerate(variants):
            done = subprocess.run(["tar", f"--format={layout}", "--xattrs", "--numeric-owner", *more, "-cf", "-", "-C",
                                   os.fsdecode(root), "."], capture_output=True, check=True)
            data = pack(done.stdout) if pack else done.stdout
            got = world.json("image", "import", "--name", f"v{number}", *store_file(world, f"{number}.tar", data))["digest"]
            expect(got == wanted, (layout, more, difference(world, "direct", f"v{number}")))
        for program in ("zstd", "lz4", "lzip"):
            if subprocess.run(["which", program], capture_output=True, check=False).returncode == 0:
                data = subprocess.run([program, "-c"], input=done.stdout, capture_output=True, check=True).stdout
                got = world.json("image", "import", "--name", program, *store_file(world, program, data))["digest"]
                expect(got == world.json("image", "inspect", "v4")["digest"], program)


def store_file(world: World, name: str, data: bytes) -> list[str]:
    path = world.folder / name
    path.write_bytes(data)
    return [str(path)]


def difference(world: World, a: str, b: str) -> object:
    first, second = world.entries(a), world.entries(b)
    return [(first.get(key), second.get(key)) for key in {*first, *second} if first.get(key) != second.get(key)][:4]


@claim("an archive from a pipe is imported as well")
def from_pipe() -> None:
    with World() as world:
        world.ok("image", "import", "--name", "piped", "-", data=gzip.compress(tar(member("a", b"1"))))
        expect(world.contents("piped") == {"a": b"1"}, "contents")


@claim("names need no directories before them, may begin with ./ and come twice; the last one counts")
def lenient_names() -> None:
    with World() as world:
        data = tar(member("./x//y/./z", b"1"), member("x/y/z", b"2"), folder("x/y", mode=0o700), member("solo", b"3"),
                   folder("solo"), folder("./"))
        world.ok("image", "import", "--name", "t", "-", data=data)
        entries = world.entries("t")
        expect(list(entries) == ["", "solo", "x", "x/y", "x/y/z"], entries)
        expect(entries["x/y"]["mode"] == 0o700 and entries["solo"]["type"] == "directory", entries)
        expect(world.contents("t") == {"x/y/z": b"2"}, "contents")


@claim("a hard link comes back as one, whatever its name sorts before")
def hard_links() -> None:
    with World() as world:
        world.ok("image", "import", "--name", "t", "-",
                 data=tar(member("m", b"1"), hard_link("a", "m"), hard_link("z", "./a"), link("s", "m"), hard_link("t", "s")))
        entries = world.entries("t")
        expect(entries["a"]["type"] == "file" and entries["m"]["link"] == "a" and entries["z"]["link"] == "a", entries)
        expect(entries["t"]["type"] == "symlink" and entries["t"]["target"] == "m", entries)


@claim("device nodes, FIFOs and sockets are refused, skipped or kept, as is said")
def special_files() -> None:
    kinds = {"chr": (tarfile.CHRTYPE, "character device"), "blk": (tarfile.BLKTYPE, "block device"),
             "fifo": (tarfile.FIFOTYPE, "fifo")}
    with World() as world:
        for name, (kind, word) in kinds.items():
            data = tar(folder("dev"), member(f"dev/{name}", type=kind, devmajor=1, devminor=3))
            world.refused("image", "import", "--name", "t", "-", data=data, sentence=f"'dev/{name}' is a {word}")
            done = world.call("image", "import", "--name", "t", "--special", "skip", "-", data=data)
            expect(done.returncode == 0 and b"left out" in done.stderr, done)
            expect(list(world.entries("t")) == ["", "dev"], "skipped")
            world.ok("image", "import", "--name", "t", "--special", "keep", "-", data=data)
            entry = world.entries("t")[f"dev/{name}"]
            expect(entry["type"] == word and entry.get("device", [1, 3]) == [1, 3], entry)
            with world.exported("t") as archive:
                expect(archive.getmember(f"dev/{name}").type == kind, name)
        os.mkdir(world.folder / "d")
        os.mkfifo(world.folder / "d/pipe")
        world.refused("image", "import", world.folder / "d", sentence="'pipe' is a fifo")


@claim("what leads out of the image is refused, with the path and the reason")
def escapes() -> None:
    with World() as world:
        for data, sentence in (
                (tar(member("/etc/passwd", b"1")), "'/etc/passwd' is absolute"),
                (tar(member("../up", b"1")), "'../up' has '..' as a part"),
                (tar(member("a/../../up", b"1")), "'a/../../up' has '..' as a part"),
                (tar(link("l", "/etc"), member("l/passwd", b"1")), "'l/passwd' goes through 'l', which is a symbolic link"),
                (tar(folder("d"), link("d/l", ".."), folder("d/l/x")), "'d/l/x' goes through 'l', which is a symbolic link"),
                (tar(member("f", b"1"), member("f/x", b"1")), "'f/x' is below 'f', which is no directory"),
                (tar(hard_link("h", "/etc/passwd")), "'h' is a hard link to '/etc/passwd', which is absolute"),
                (tar(hard_link("h", "../x")), "'h' is a hard link to '../x', which has '..' as a part"),
                (tar(hard_link("h", "none")), "'h' is a hard link to 'none', which is not there"),
                (tar(folder("d"), hard_link("h", "d")), "'h' is a hard link to 'd', which is a directory"),
                (tar(member("n" * 256, b"1")), "has a name of 256 bytes, more than 255")):
            world.refused("image", "import", "--name", "t", "-", data=data, sentence=sentence)
        expect(world.json("image", "ls") == [], "nothing has a name")


@claim("what grows beyond its bounds is refused, with the path and the option that allows more")
def bombs() -> None:
    with World() as world:
        many = tar(*[member(f"f{i}", b"") for i in range(100)])
        world.refused("image", "import", "--name", "t", "--max-entries", "50", "-", data=many, sentence="'f50': more than 50 entries; --max-entries")
        zeros = gzip.compress(tar(member("zeros", bytes(40_000_000))))
        world.refused("image", "import", "--name", "t", "--max-size", "10M", "-", data=zeros, sentence="'zeros': more than 10485760 bytes in all files; --max-size")
        world.refused("image", "import", "--name", "t", "--max-ratio", "100", "-", data=zeros, sentence="--max-ratio")
        world.ok("image", "import", "--name", "t", "--max-ratio", "2000", "-", data=zeros)
        deep = tar(member("/".join("d" * 30), b"1"))
        world.refused("image", "import", "--name", "t", "--max-depth", "29", "-", data=deep, sentence="deeper than 29 directories; --max-depth")
        world.ok("image", "import", "--name", "t", "--max-depth", "30", "-", data=deep)
        world.refused("image", "import", "--name", "t", "--max-name", "3", "-", data=tar(member("four", b"")), sentence="--max-name")


@claim("what is no archive, or a damaged one, is refused and leaves no image")
def damaged() -> None:
    with World() as world:
        whole = gzip.compress(tar(member("a", os.urandom(300_000)), member("b", os.urandom(300_000))))
        for data in (b"", b"hello\n" * 1000, os.urandom(5000), whole[:200_000], whole[:-400_000], gzip.compress(b"no tar" * 500)):
            world.refused("image", "import", "--name", "t", "-", data=data, sentence="the archive cannot be read")
        expect(world.json("image", "ls") == [], "nothing has a name")
        world.ok("image", "gc")
        expect(world.json("blob", "ls") == [], "nothing is left")


@claim("what is damaged is told with the store and the remedy")
def bit_rot() -> None:
    with World() as world:
        data = tar(member("a", b"one"), member("b", b"two"))
        world.ok("image", "import", "--name", "t", "-", data=data)
        digest = world.entries("t")["a"]["digest"]
        path = world.blob_path(digest)
        path.chmod(0o644)
        path.write_bytes(b"onE")
        world.refused("image", "export", "t", sentence=f"export 'a': blob {digest} does not have the bytes")
        done = world.call("image", "verify", "--json")
        expect(done.returncode == 1 and digest.encode() in done.stdout and b'"rotten"' in done.stdout, done)
        expect(len(list((world.store / "quarantine").iterdir())) == 1, "set aside")
        done = world.call("image", "verify", "t")
        expect(done.returncode == 1 and b"missing" in done.stdout and b"\tt" in done.stdout, done)
        world.ok("image", "import", "--name", "t", "-", data=data)
        world.ok("image", "verify")


@claim("images are listed, shown, removed; what others need stays")
def life() -> None:
    with World() as world:
        world.ok("image", "import", "--name", "one", "-", data=tar(member("a", b"1"), member("etc/c.conf", b"2"), member("x.py", b"3")))
        world.ok("image", "import", "--name", "two", "-", data=tar(member("a", b"1")))
        listed = world.json("image", "ls")
        expect([image["name"] for image in listed] == ["one", "two"] and listed[0]["files"] == 3, listed)
        shown = world.json("image", "inspect", "one")
        expect(shown["kinds"] == {"code": {"files": 1, "bytes": 1}, "configuration": {"files": 1, "bytes": 1},
                                  "data": {"files": 1, "bytes": 1}}, shown)
        expect(b"/etc/c.conf" in world.ok("image", "inspect", "one", "--entries"), "entries")
        digest = world.entries("one")["a"]["digest"]
        world.refused("blob", "rm", digest, sentence="still needed by the images one, two")
        expect(world.json("image", "rm", "one")["removed"] == 3, "two files and the manifest")
        world.ok("image", "verify")
        world.refused("image", "inspect", "one", sentence="there is no image 'one'")
        world.ok("image", "rm", "two")
        expect(world.json("blob", "ls") == [], "empty")


@claim("blobs are put, got, listed and removed, by name and digest")
def blobs() -> None:
    with World() as world:
        big = os.urandom(1_000_000)
        digest = world.ok("blob", "put", "--name", "model", "-", data=big).decode().strip()
        other = world.ok("blob", "put", "-", data=b"").decode().strip()
        expect(world.ok("blob", "get", "model") == big and world.ok("blob", "get", f"sha256:{digest}") == big, "get")
        out = world.folder / "out"
        world.ok("blob", "get", digest, "--output", out)
        expect(out.read_bytes() == big, "output")
        expect({(blob["digest"], tuple(blob["names"])) for blob in world.json("blob", "ls")} == {(digest, ("model",)), (other, ())}, "ls")
        world.ok("image", "gc")
        world.blob_path(digest).chmod(0o644)
        world.blob_path(digest).write_bytes(b"x" + big[1:])
        done = world.call("blob", "get", "model")
        expect(done.returncode == 1 and done.stdout == b"" and b"set aside" in done.stderr, done.stderr)
        world.ok("blob", "put", "--name", "model", "-", data=big)
        world.ok("blob", "rm", "model", other)
        expect(world.json("blob", "ls") == [], "empty")
        world.refused("blob", "get", "model", sentence="there is no blob 'model'")


@claim("a damaged index is set aside and made anew, with a message")
def damaged_index() -> None:
    with World() as world:
        world.ok("image", "import", "--name", "t", "-", data=tar(member("a", b"1")))
        for name in world.store.glob("index.db*"):
            name.write_bytes(b"damage" * 1000)
        done = world.call("image", "ls")
        expect(done.returncode == 0 and b"was damaged: set aside" in done.stderr and done.stdout.startswith(b"t\t"), done)
        expect(world.call("image", "ls").stderr == b"", "once")


@claim("the importer runs as another user, without rights, network or files")
def unprivileged() -> None:
    with World() as world:
        read_end, write_end = os.pipe()
        command = [os.environ["SHARDRUN"], "image", "import", "--store", str(world.store), "--name", "t", "-"]
        with subprocess.Popen(command, stdin=read_end, stderr=subprocess.PIPE) as process:
            os.close(read_end)
            os.write(write_end, tar(member("a", b"1"))[:512])
            helper = wait_for_importer(process.pid)
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{helper}/status").read_text().splitlines() if ":\t" in line)
            if IS_ROOT:
                expect(status["Uid"].split() == ["65534"] * 4 and status["Gid"].split() == ["65534"] * 4, status["Uid"])
                expect(status["Groups"].strip() == "", status["Groups"])
                expect(os.readlink(f"/proc/{helper}/ns/net") != os.readlink("/proc/self/ns/net"), "network")
                expect(IS_SANITIZED or os.readlink(f"/proc/{helper}/root") != "/", "root")
                numbers = {int(name) for name in os.listdir(f"/proc/{helper}/fd")}
                expect(IS_SANITIZED or numbers == {0, 1, 2, 3, 4, 5}, numbers)
            for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                expect(int(status[kind], 16) == 0, (kind, status[kind]))
            expect(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status)
            os.close(write_end)
            process.communicate(timeout=60)
            expect(process.returncode == 1, process.returncode)


if __name__ == "__main__":
    sys.exit(main())
