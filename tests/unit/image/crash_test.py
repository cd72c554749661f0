#!/usr/bin/python3
"""Imports and collections that are killed, and that run at the same time: the store is whole afterwards."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from world import SEED, World, member, tar, wait_for_importer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from claims import SHARDRUN, claim, expect, main  # noqa: E402

KILLS = 40


def command(world: World, *words: str) -> list[str]:
    return [SHARDRUN, *words[:2], "--store", str(world.store), *words[2:]]


def check_store(world: World) -> None:
    """Every name leads to a whole image, every blob is what its name says."""
    for path in (world.store / "blobs/sha256").glob("*/*"):
        expect(hashlib.sha256(path.read_bytes()).hexdigest() == path.name, path)
    if (world.store / "format").exists():
        world.ok("image", "verify")
    stray = [path for folder in ("leases", "staging") for path in (world.store / folder).glob("*")]
    world.ok("image", "gc")
    expect(not [path for path in stray if path.exists()], stray)


def archive(generator: random.Random, files: int) -> bytes:
    return tar(*[member(f"d{i % 7}/f{i}", generator.randbytes(generator.choice((10, 1000, 40_000)))) for i in range(files)])


@claim("an import that is killed at any moment leaves a whole store, and can be made again")
def killed_imports() -> None:
    generator = random.Random(SEED)
    print(f"# seed {SEED}", flush=True)
    with World() as world:
        source = world.folder / "source.tar"
        source.write_bytes(archive(generator, 500))
        begun = time.monotonic()
        world.ok("image", "import", "--name", "first", source)
        lasting = time.monotonic() - begun
        world.ok("image", "rm", "first")
        finished = 0
        for round_number in range(KILLS):
            with subprocess.Popen(command(world, "image", "import", "--name", "t", str(source)), stderr=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
                time.sleep(generator.uniform(0, 1.1 * lasting))
                process.send_signal(signal.SIGKILL)
                finished += process.wait() == 0
            names = [image["name"] for image in world.json("image", "ls")]
            expect(names in ([], ["t"]), names)
            if round_number % 8 == 7:
                check_store(world)
            if names:
                world.ok("image", "rm", "t")
        world.ok("image", "import", "--name", "t", source)
        check_store(world)
        expect(len(world.contents("t")) == 500, "contents")


@claim("blobs that are put while the putter is killed are whole or not there")
def killed_puts() -> None:
    generator = random.Random(SEED + 1)
    with World() as world:
        files = []
        for i in range(60):
            path = world.folder / f"file-{i}"
            path.write_bytes(generator.randbytes(200_000))
            files.append(str(path))
        for _ in range(KILLS // 2):
            with subprocess.Popen(command(world, "blob", "put", *files), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(generator.uniform(0, 0.15))
                process.kill()
        check_store(world)
        world.ok("blob", "put", *files)
        expect(len(world.json("blob", "ls")) == 60, "all are there")


@claim("the importer killed, or killed with its parent, ends in a sentence or in nothing")
def killed_helper() -> None:
    with World() as world:
        read_end, write_end = os.pipe()
        with subprocess.Popen(command(world, "image", "import", "--name", "t", "-"), stdin=read_end, stderr=subprocess.PIPE,
                              text=True) as process:
            os.close(read_end)
            os.write(write_end, tar(member("a", b"1"))[:512])
            helper = wait_for_importer(process.pid)
            os.kill(helper, signal.SIGKILL)
            _, told = process.communicate(timeout=60)
            expect(process.returncode == 1 and "the importer ended before its work was done: killed by SIGKILL" in told, told)
        read_end, other = os.pipe()
        with subprocess.Popen(command(world, "image", "import", "--name", "t", "-"), stdin=read_end, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            os.close(read_end)
            helper = wait_for_importer(process.pid)
            process.kill()
        deadline = time.monotonic() + 30
        while Path(f"/proc/{helper}").exists() and "(zombie)" not in Path(f"/proc/{helper}/status").read_text():
            expect(time.monotonic() < deadline, "the importer outlives its parent")
            time.sleep(0.01)
        os.close(other)
        os.close(write_end)
        check_store(world)


@claim("imports, removals and collections at the same time take nothing from each other")
def at_the_same_time() -> None:
    generator = random.Random(SEED + 2)
    with World() as world:
        world.ok("blob", "put", "-", data=b"first")
        # Half of the files are in both archives: what one lets go the other needs.
        shared = [(f"shared/{i}", generator.randbytes(2000)) for i in range(150)]
        sources = []
        for number in range(2):
            own = [(f"own/{i}", generator.randbytes(2000)) for i in range(150)]
            path = world.folder / f"{number}.tar"
            path.write_bytes(tar(*[member(name, data) for name, data in shared + own]))
            sources.append((path, dict(shared + own)))
        failures: list[object] = []
        is_over = threading.Event()

        def churn(number: int) -> None:
            path, wanted = sources[number]
            for _ in range(6):
                try:
                    world.ok("image", "import", "--name", f"i{number}", path)
                    if world.contents(f"i{number}") != wanted:
                        failures.append("contents differ")
                    world.ok("image", "rm", f"i{number}")
                except AssertionError as failure:
                    failures.append(failure)

        def collect() -> None:
            while not is_over.is_set():
                done = world.call("image", "gc")
                if done.returncode != 0:
                    failures.append(done)

        workers = [threading.Thread(target=churn, args=(number,)) for number in range(2)]
        collector = threading.Thread(target=collect)
        for thread in [*workers, collector]:
            thread.start()
        for thread in workers:
            thread.join()
        is_over.set()
        collector.join()
        expect(not failures, failures[:3])
        check_store(world)


@claim("a collection beside an import that has begun takes none of its blobs")
def collect_during_import() -> None:
    with World() as world:
        data = tar(*[member(f"f{i}", os.urandom(4000)) for i in range(2000)])
        read_end, write_end = os.pipe()
        with subprocess.Popen(command(world, "image", "import", "--name", "t", "-"), stdin=read_end, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            os.close(read_end)
            half = len(data) // 2  # Blobs become visible some hundreds at a time.
            with os.fdopen(write_end, "wb") as pipe:
                pipe.write(data[:half])
                pipe.flush()
                while not any((world.store / "blobs/sha256").glob("*/*")):
                    time.sleep(0.01)
                expect(world.json("image", "gc")["removed"] == 0, "removed")
                pipe.write(data[half:])
            _, told = process.communicate(timeout=60)
            expect(process.returncode == 0, told)
        expect(len(world.contents("t")) == 2000, "contents")


if __name__ == "__main__":
    sys.exit(main())
