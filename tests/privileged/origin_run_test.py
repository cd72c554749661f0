#!/usr/bin/python3
"""Programs from an image whose contents lie elsewhere: the store has names only, and what is opened comes from an origin."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import claims
from claims import WAIT, conclude, until
from image_run_test import children, libraries

SHARDRUN = os.environ["SHARDRUN"]
CGROUP = f"shardrun-origin-test-{os.getpid()}"
UID_FIRST = 2_020_000_000
PAYLOAD = bytes(range(1, 256)) * 3000


class Origin:
    """A server of a folder's blobs on loopback, which notes what is asked for and may lie."""

    def __init__(self, folder: Path):
        self.asked: list[str] = []
        self.wrong: set[str] = set()
        self.held: set[str] = set()
        self.released = threading.Event()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                origin.asked.append(self.path)
                path = folder / self.path[1:]
                if not path.is_file():
                    self.send_error(404)
                    return
                if path.name in origin.held:
                    origin.released.wait(WAIT)
                content = path.read_bytes()
                if path.name in origin.wrong:
                    content = bytes(len(content))
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):  # A fetcher that was killed does not listen.
                    self.wfile.write(content)

            def log_message(self, *_words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Bench:
    def __init__(self, folder: Path):
        self.folder = folder
        self.root = folder / "root"
        for name in ("usr/bin", "data"):
            (self.root / name).mkdir(parents=True)
        shutil.copy2("/bin/cat", self.root / "usr/bin")
        for library in libraries("/bin/cat"):
            (self.root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, self.root / library[1:], follow_symlinks=True)
        (self.root / "data/good").write_bytes(PAYLOAD)
        (self.root / "data/other").write_bytes(b"other\n")
        self.full = folder / "full"
        self.take_in(self.full)
        self.origin = Origin(self.full)

    def take_in(self, store: Path, *options: str) -> None:
        subprocess.run([SHARDRUN, "image", "import", "--store", str(store), *options, "--name", "a", str(self.root)],
                       capture_output=True, timeout=WAIT, check=True)

    def bare(self, name: str) -> Path:
        """A store that knows the image's names and has none of its contents."""
        self.take_in(self.folder / name, "--without-blobs")
        return self.folder / name

    def configure(self, store: Path, more: str = "") -> Path:
        config = self.folder / f"{store.name}.toml"
        config.write_text(f'[cgroup]\nroot = "{CGROUP}"\ncontrollers = "best-effort"\n[shard]\nuid_first = {UID_FIRST}\n' + more)
        return config

    def run(self, store: Path, origins: list[str], *files: str) -> subprocess.CompletedProcess:
        where = [word for origin in origins for word in ("--origin", origin)]
        return subprocess.run([SHARDRUN, "run", "--embedded", "--config", str(self.configure(store)), "--store", str(store), *where,
                               "--image", "a", "--", "/usr/bin/cat", *files], capture_output=True, timeout=WAIT, check=False)

    def serve(self, store: Path, origin: str) -> tuple[subprocess.Popen, Path]:
        socket = self.folder / f"{store.name}.sock"
        config = self.configure(store, f'[socket]\npath = "{socket}"\n[store]\npath = "{store}"\norigins = ["{origin}"]\n')
        with (self.folder / "serve.log").open("wb") as log:
            server = subprocess.Popen([SHARDRUN, "serve", "--config", str(config)], stderr=log)
        until(socket.exists, "the supervisor's socket")
        return server, socket

    def start(self, socket: Path, *files: str) -> subprocess.Popen:
        return subprocess.Popen([SHARDRUN, "run", "--socket", str(socket), "--image", "a", "--", "/usr/bin/cat", *files],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def path_of(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"/blobs/sha256/{digest[:2]}/{digest}"


def comes_once(bench: Bench) -> None:
    store = bench.bare("once")
    conclude("an image may be taken in without its contents", not (store / path_of(PAYLOAD)[1:]).exists())
    got = bench.run(store, [bench.origin.url], "/data/good")
    conclude("what the store lacks comes from the origin, and only what is opened",
             got.stdout == PAYLOAD and path_of(PAYLOAD) in bench.origin.asked and path_of(b"other\n") not in bench.origin.asked, got)
    conclude("each once", len(bench.origin.asked) == len(set(bench.origin.asked)), bench.origin.asked)
    bench.origin.asked.clear()
    got = bench.run(store, [bench.origin.url], "/data/good")
    conclude("it is kept: nobody is asked again", got.stdout == PAYLOAD and bench.origin.asked == [], (got, bench.origin.asked))
    got = bench.run(store, [], "/data/good")
    conclude("and the origin is not needed any more", got.stdout == PAYLOAD, got)


def lies(bench: Bench) -> None:
    store = bench.bare("lies")
    liar = Origin(bench.full)
    liar.wrong.add(Path(path_of(PAYLOAD)).name)
    got = bench.run(store, [liar.url], "/data/good", "/data/other")
    conclude("wrong bytes are never read, and hinder no other file",
             got.stdout == b"other\n" and b"/data/good" in got.stderr and path_of(PAYLOAD) in liar.asked, got)
    conclude("nor kept", not (store / path_of(PAYLOAD)[1:]).exists())
    got = bench.run(store, [liar.url, bench.origin.url], "/data/good")
    conclude("the next origin makes up for it", got.stdout == PAYLOAD, got)
    liar.close()


def lacks(bench: Bench) -> None:
    (bench.folder / "empty").mkdir()
    store = bench.bare("lacks")
    got = bench.run(store, [str(bench.folder / "empty"), str(bench.full)], "/data/other")
    conclude("directories are origins too, in their order", got.stdout == b"other\n", got)
    got = bench.run(store, [str(bench.folder / "empty")], "/data/good", "/data/other")
    conclude("what nobody has is refused, and hinders no other file", got.stdout == b"other\n" and got.returncode == 1, got)
    conclude("and whoever ran it is told which and why", b"1 of the image's files could not be loaded" in got.stderr
             and b"'/data/good'" in got.stderr and b"no origin has it" in got.stderr, got)
    store = bench.bare("unreachable")
    got = bench.run(store, ["http://127.0.0.1:1"], "/data/other")
    conclude("so is whoever has an origin that does not answer", b"'/usr/bin/cat'" in got.stderr and b"127.0.0.1:1" in got.stderr, got)


def full(bench: Bench) -> None:
    """In a mount namespace of its own, with a store on a file system that has no room for the largest blob."""
    store = bench.folder / "little"
    store.mkdir()
    (bench.root / "data/big").write_bytes(bytes(range(7, 256)) * 40_000)
    bench.take_in(bench.full)
    subprocess.run(["chmod", "-R", "a+rX", str(bench.full)], check=True)
    words = [SHARDRUN, "run", "--embedded", "--config", str(bench.configure(store)), "--store", str(store), "--origin", str(bench.full),
             "--image", "a", "--", "/usr/bin/cat", "/data/big", "/data/other"]
    script = f"mount -t tmpfs -o size=6m none {store} && {SHARDRUN} image import --store {store} --without-blobs --name a {bench.root} " \
             f">&2 && {' '.join(words)}; status=$?; ls -A {store}/staging >&2; exit $status"
    got = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, timeout=WAIT, check=False)
    conclude("a full disk refuses what has no room, says so, and hinders no other file", got.stdout == b"other\n"
             and b"'/data/big'" in got.stderr and b"No space left" in got.stderr, got)


def serves(bench: Bench) -> None:
    """Of a supervisor that lives on, while its origin is slow and its fetcher is killed."""
    store = bench.bare("serves")
    origin = Origin(bench.full)
    origin.held.add(Path(path_of(PAYLOAD)).name)
    server, socket = bench.serve(store, origin.url)
    clients = [bench.start(socket, "/data/good") for _ in range(4)]
    until(lambda: path_of(PAYLOAD) in origin.asked, "the origin to be asked")
    gone = bench.start(socket, "/data/good")
    other = bench.start(socket, "/data/other").communicate(timeout=WAIT)[0]
    conclude("a slow blob hinders no other", other == b"other\n" and all(client.poll() is None for client in clients), other)
    gone.kill()
    gone.communicate(timeout=WAIT)
    os.kill(children(server.pid)["shardrun-fetch"], signal.SIGKILL)
    until(lambda: origin.asked.count(path_of(PAYLOAD)) == 2, "the origin to be asked again")
    origin.released.set()
    got = [client.communicate(timeout=WAIT) for client in clients]
    conclude("the fetcher's death costs time only", all(out == PAYLOAD for out, _ in got), [err for _, err in got])
    conclude("all who wait share one request, and one more for the death", origin.asked.count(path_of(PAYLOAD)) == 2, origin.asked)
    until(lambda: (store / path_of(PAYLOAD)[1:]).exists(), "the blob to be kept")
    listed = subprocess.run([SHARDRUN, "blob", "ls", "--store", str(store)], capture_output=True, text=True, timeout=WAIT, check=True)
    conclude("what was fetched is listed", Path(path_of(PAYLOAD)).name in listed.stdout, listed)
    server.terminate()
    conclude("and the supervisor ends in order", server.wait(WAIT) == 0, (bench.folder / "serve.log").read_text())
    origin.close()


def main() -> int:
    if os.geteuid() != 0:
        print("needs root")
        return 77
    # The fetcher, which is nobody, reads a directory's blobs.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        bench = Bench(folder)
        subprocess.run(["chmod", "-R", "a+rX", str(bench.full)], check=True)
        for test in (comes_once, lies, lacks, full, serves):
            test(bench)
        bench.origin.close()
    left = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{CGROUP}")]
    conclude("nothing is left of any shard", left == [], left)
    return claims.status


if __name__ == "__main__":
    sys.exit(main())
