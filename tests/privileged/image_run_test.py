#!/usr/bin/python3
"""Programs from an image, as people run them, on the real kernel: files come from the store when they are opened, or before,
and whatever goes wrong nobody reads a byte that was not checked."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import claims
from claims import WAIT, conclude, until

SHARDRUN = os.environ["SHARDRUN"]
CGROUP = f"shardrun-image-test-{os.getpid()}"
UID_FIRST = 2_010_000_000
# Of the file with two names, the one that comes first in the image.
FIRST_NAME = "/data/again"
PAYLOAD = bytes(range(1, 256)) * 300


def libraries(program: str) -> list[str]:
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", said)


def make_root(root: Path) -> None:
    """A shell, cat, and data; links of all kinds on the way."""
    for folder in ("usr/bin", "data", "etc"):
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    for program in ("/bin/dash", "/bin/cat"):
        shutil.copy2(program, root / "usr/bin")
        for library in libraries(program):
            (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, root / library[1:], follow_symlinks=True)
    (root / "usr/bin/sh").symlink_to("dash")
    (root / "data/good").write_bytes(PAYLOAD)
    (root / "data/again").hardlink_to(root / "data/good")
    (root / "data/link").symlink_to("/data/good")
    (root / "data/bad").write_bytes(b"to be damaged\n" * 500)
    (root / "data/lost").write_bytes(b"to be lost\n" * 500)
    (root / "data/slow").write_bytes(b"late\n" * 100_000)
    (root / "data/empty").write_bytes(b"")
    (root / "data/big").write_bytes(b"more than the tree may have\n" * 300_000)


class Bench:
    def __init__(self, folder: Path):
        self.folder = folder
        self.store = folder / "store"
        self.root = folder / "root"
        make_root(self.root)
        self.config = folder / "shardrun.toml"
        self.config.write_text(f'[cgroup]\nroot = "{CGROUP}"\ncontrollers = "best-effort"\n[shard]\nuid_first = {UID_FIRST}\n'
                               f'[store]\npath = "{self.store}"\n')
        self.how = ["--embedded", "--config", str(self.config)]
        self.image = ["image", "import", "--store", str(self.store), "--name"]
        self.call(*self.image, "small", str(self.root), check=True)

    def call(self, *words: str, check: bool = False) -> subprocess.CompletedProcess:
        return subprocess.run([SHARDRUN, *words], capture_output=True, timeout=WAIT, check=check)

    def run(self, script: str, *options: str, image: str = "small", how: list[str] | None = None) -> subprocess.CompletedProcess:
        return self.call("run", *(how or self.how), "--image", image, *options, "--", "/bin/sh", "-c", script)

    def told(self, script: str, *options: str) -> tuple[subprocess.CompletedProcess, dict]:
        path = self.folder / "info.json"
        got = self.run(script, "--json-info", str(path), *options)
        return got, json.loads(path.read_text()).get("files", {"opens": []})

    def blob(self, content: bytes) -> Path:
        digest = hashlib.sha256(content).hexdigest()
        return self.store / "blobs/sha256" / digest[:2] / digest


def on_demand(bench: Bench) -> None:
    got, files = bench.told("cat /data/good /data/again /data/link /data/empty")
    conclude("every kind of path shows the file's bytes", got.stdout == PAYLOAD * 3, got)
    waited = {each["path"] for each in files["opens"] if each["outcome"] == "waited"}
    conclude("what was opened first was waited for: program, interpreter, libraries, data",
             {"/usr/bin/dash", "/usr/bin/cat", FIRST_NAME} <= waited and any("ld-linux" in path for path in waited), files)
    conclude("a file is told once, whatever its names", sum(each["path"] in ("/data/good", "/data/again")
                                                            for each in files["opens"]) == 1, files)
    got = bench.run("echo x > /data/new; echo x > /tmp/new && cat /tmp/new; [ -d /proc/1 ] && [ -c /dev/null ] && echo there")
    conclude("the tree cannot be written to, the shard's own places can, the rest is mounted",
             got.stdout == b"x\nthere\n" and b"Read-only file system" in got.stderr, got)


def prefetched(bench: Bench) -> None:
    listed = bench.folder / "start.list"
    script = "cat /data/good /data/link"
    bench.told(script, "--record", str(listed))
    names = listed.read_text().splitlines()
    conclude("the record names each file once, in order", names[0] == "/usr/bin/dash" and len(names) == len(set(names))
             and FIRST_NAME in names, names)
    got, files = bench.told(script, "--prefetch", str(listed), "--prefetch-wait")
    conclude("a run with all of it prefetched waits for nothing",
             got.stdout == PAYLOAD * 2 and files["waited"] == 0 and files["ready"] == len(names), (got, files))
    listed.write_text("# for people\n/data/link\n/data/none\n")
    got, files = bench.told(script, "--prefetch", str(listed), "--prefetch-wait")
    conclude("a list may name links; what is not there is told and hinders nothing",
             got.stdout == PAYLOAD * 2 and b"1 of 2 files failed" in got.stderr and b"/data/none" in got.stderr
             and any(each["path"] == FIRST_NAME and each["outcome"] == "ready" for each in files["opens"]), (got, files))
    listed.write_text("data/good\n")
    got = bench.run("true", "--prefetch", str(listed))
    conclude("a list with a mistake is refused with its line", got.returncode == 125 and b"line 1: 'data/good' is no absolute" in got.stderr,
             got)


def refused(bench: Bench) -> None:
    got = bench.run("true", image="none")
    conclude("an image that is not there is refused", got.returncode == 125 and b"'none'" in got.stderr and b"image ls" in got.stderr, got)
    got = bench.run("true", "--store", str(bench.folder / "nowhere"), how=["--config", str(bench.config)])
    conclude("a store that is not there says what makes one", got.returncode == 125 and b"'shardrun image import' makes one" in got.stderr, got)
    got = subprocess.run([SHARDRUN, "run", *bench.how, "--image", "small", "--", "true"], capture_output=True, check=False,
                         user=65534, group=65534, extra_groups=[], cwd="/")
    conclude("who is not root is told so", got.returncode == 125 and (b"sudo" in got.stderr or b"Permission denied" in got.stderr), got)
    (bench.folder / "odd").mkdir()
    (bench.folder / "odd/tmp").write_text("no directory\n")
    bench.call(*bench.image, "odd", str(bench.folder / "odd"), check=True)
    got = bench.run("true", image="odd")
    conclude("so is one with a file where a shard mounts", got.returncode == 125 and b"'/tmp' is a file" in got.stderr, got)


def damaged(bench: Bench) -> None:
    bad = bench.blob((bench.root / "data/bad").read_bytes())
    bad.chmod(0o600)
    with bad.open("r+b") as file:
        file.seek(100)
        file.write(b"X")
    got, files = bench.told("cat /data/bad; echo; cat /data/good")
    conclude("a damaged blob is never read, and hinders no other", got.stdout == b"\n" + PAYLOAD and b"/data/bad" in got.stderr, got)
    told = [each for each in files["opens"] if each["outcome"] == "failed"]
    conclude("its client is told which and why", [each["path"] for each in told] == ["/data/bad"] and "damaged" in told[0]["reason"], told)
    bench.blob((bench.root / "data/lost").read_bytes()).unlink()
    got, files = bench.told("cat /data/lost; cat /data/good")
    conclude("a blob that the store lost is refused, too", got.stdout == PAYLOAD
             and any(each["path"] == "/data/lost" and each["outcome"] == "failed" for each in files["opens"]), (got, files))


def full(bench: Bench) -> None:
    config = bench.folder / "small.toml"
    config.write_text(bench.config.read_text() + "tree_size_max_mib = 4\n")
    info = bench.folder / "info.json"
    got = bench.run("cat /data/big; cat /data/good", "--json-info", str(info), how=["--embedded", "--config", str(config)])
    conclude("a file that the tree has no room for is refused, and others come all the same", got.stdout == PAYLOAD, got)
    told = [each for each in json.loads(info.read_text())["files"]["opens"] if each["outcome"] == "failed"]
    conclude("and its client is told what bounds it", [each["path"] for each in told] == ["/data/big"]
             and "tree_size_max_mib" in told[0]["reason"], told)


def children(pid: int) -> dict[str, int]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(words[1]) == pid:
                found[(folder / "comm").read_text().strip()] = int(folder.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def start_slow(bench: Bench) -> tuple[subprocess.Popen, int, Path]:
    """A program that waits for a file whose streamer is stopped; its output."""
    output = bench.folder / "slow.out"
    with output.open("wb") as file:
        process = subprocess.Popen([SHARDRUN, "run", *bench.how, "--image", "small", "--", "/bin/sh", "-c",
                                    "echo ready >&2; read go; cat /data/slow; echo end"], stdin=subprocess.PIPE, stdout=file,
                                   stderr=subprocess.PIPE)
    process.stderr.readline()
    streamer = children(process.pid)["shardrun-stream"]
    # The shell waits for a line, so cat and its library are still to come; they are asked for first.
    os.kill(streamer, signal.SIGSTOP)
    process.stdin.write(b"go\n")
    process.stdin.flush()
    return process, streamer, output




def of_test() -> list[int]:
    """Processes under the uids of this test's shards."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if UID_FIRST <= folder.stat().st_uid < UID_FIRST + 10_000_000:
                found.append(int(folder.name))
        except FileNotFoundError:
            continue
    return found


def killed(bench: Bench) -> None:
    process, streamer, output = start_slow(bench)
    time.sleep(0.2)  # Whoever reads zeros reads them now; nothing hangs on it when the claim holds.
    conclude("an open waits while nobody fills", process.poll() is None and output.read_bytes() == b"")
    process.kill()
    process.wait(WAIT)
    until(lambda: not of_test(), "the shard's programs to end")
    conclude("the supervisor's death ends the shard, and nothing was read", output.read_bytes() == b"", output.read_bytes()[:80])
    process, streamer, output = start_slow(bench)
    os.kill(streamer, signal.SIGKILL)
    process.stdin.close()
    process.wait(WAIT)
    wanted = (bench.root / "data/slow").read_bytes() + b"end\n"
    conclude("the streamer's death costs time only", process.returncode == 0 and output.read_bytes() == wanted, output.read_bytes()[:80])


def served(bench: Bench) -> None:
    socket = bench.folder / "s.sock"
    config = bench.folder / "serve.toml"
    config.write_text(bench.config.read_text() + f'[socket]\npath = "{socket}"\n')
    log = (bench.folder / "serve.log").open("wb")
    server = subprocess.Popen([SHARDRUN, "serve", "--config", str(config)], stderr=log)
    until(socket.exists, "the supervisor's socket")
    how = ["--socket", str(socket)]
    got = bench.run("cat /data/good", how=how)
    conclude("a supervisor that serves runs images for its clients", got.stdout == PAYLOAD, (got, Path(log.name).read_text()))
    shells = [subprocess.Popen([SHARDRUN, "run", *how, "--image", "small", "--", "/bin/sh", "-c", "cat /data/good /data/slow"],
                               stdout=subprocess.PIPE) for _ in range(8)]
    wanted = PAYLOAD + (bench.root / "data/slow").read_bytes()
    conclude("so it does for many at once", all(shell.communicate(timeout=WAIT)[0] == wanted for shell in shells))
    streamer = children(server.pid)["shardrun-stream"]
    os.kill(streamer, signal.SIGKILL)
    got = bench.run("cat /data/good", how=how)
    conclude("a hardened supervisor starts its streamer again", got.stdout == PAYLOAD, (got, Path(log.name).read_text()))
    left_alone(bench, how, children(server.pid)["shardrun-stream"])
    server.terminate()
    conclude("and ends in order", server.wait(WAIT) == 0, Path(log.name).read_text())


def left_alone(bench: Bench, how: list[str], streamer: int) -> None:
    """A client goes while its prefetches and an open of its program are under way."""
    listed = bench.folder / "all.list"
    listed.write_text("/data/good\n/data/slow\n/data/big\n/usr/bin/cat\n")
    os.kill(streamer, signal.SIGSTOP)
    clients = [subprocess.Popen([SHARDRUN, "run", *how, "--image", "small", "--prefetch", str(listed), "--", "/bin/sh", "-c", "cat /data/slow"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(4)]
    until(lambda: bench.call("ls", "--json", *how).stdout.count(b'"shard":') >= 4, "the shards")
    for client in clients:
        client.kill()
        client.wait(WAIT)
    until(lambda: b'"shard":' not in bench.call("ls", "--json", *how).stdout, "the shards to go")
    os.kill(streamer, signal.SIGCONT)
    got = bench.run("cat /data/good", how=how)
    conclude("clients that go in the midst of their loads hurt nobody", got.stdout == PAYLOAD, got)


def leftovers() -> list[str]:
    left = [f"process {pid}" for pid in of_test()]
    left += [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{CGROUP}")]
    left += [line for line in Path("/proc/self/mounts").read_text().splitlines() if "shardrun-tree" in line]
    return left


def main() -> int:
    if os.geteuid() != 0:
        print("needs root")
        return 77
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        bench = Bench(Path(name))
        for test in (on_demand, prefetched, refused, damaged, full, killed, served):
            test(bench)
    left = leftovers()
    conclude("nothing is left of any shard", not left, left)
    return claims.status


if __name__ == "__main__":
    sys.exit(main())
