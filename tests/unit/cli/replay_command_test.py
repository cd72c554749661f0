#!/usr/bin/python3
"""`shardrun replay` as it is called: files, compressed or not, standard input, and what it refuses. Needs SHARDRUN."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections import OrderedDict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from claims import SHARDRUN, claim, expect, main, shardrun  # noqa: E402

FOLDER = Path(tempfile.mkdtemp())
HEADER = "time,client,object,size\n"


def trace(requests: list[tuple[str, int]]) -> str:
    return HEADER + "".join(f"{i},c{i % 3},{name},{size}\n" for i, (name, size) in enumerate(requests))


def random_requests(seed: int) -> list[tuple[str, int]]:
    generator = random.Random(seed)
    numbers = [int(generator.paretovariate(0.6)) % 400 for _ in range(6000)]
    return [(f"o{number}", 1 + number * 37 % 101) for number in numbers]


RANDOM = random_requests(1)


def file(name: str, text: str) -> str:
    path = FOLDER / name
    path.write_text(text)
    return str(path)


def told(*arguments: str) -> dict:
    run = shardrun("replay", *arguments, "--json")
    expect(run.returncode == 0, run.stderr)
    return json.loads(run.stdout)


class Reference:
    """LRU, FIFO and LFU in the plainest words."""

    def __init__(self, policy: str, bound: int) -> None:
        self.policy, self.bound, self.used, self.evictions = policy, bound, 0, 0
        self.held: OrderedDict[str, list[int]] = OrderedDict()  # name to [uses, charge], the next to go first

    def is_hit(self, name: str, charge: int) -> bool:
        if name in self.held:
            if self.policy != "fifo":
                self.held[name][0] += self.policy == "lfu"
                self.held.move_to_end(name)
            return True
        while charge <= self.bound < self.used + charge:
            victim = min(self.held, key=lambda other: self.held[other][0])
            self.used -= self.held.pop(victim)[1]
            self.evictions += 1
        if charge <= self.bound:
            self.held[name] = [1, charge]
            self.used += charge
        return False


def expected(policy: str, bound: int, requests: list[tuple[str, int]], counts_objects: bool) -> dict:
    cache = Reference(policy, bound)
    charges = [(name, 1 if counts_objects else size) for name, size in requests]
    missed = [charge for name, charge in charges if not cache.is_hit(name, charge)]
    asked = sum(charge for _, charge in charges)
    return {"evict": policy, "unit": "objects" if counts_objects else "bytes", "cache_size": bound,
            "requests": len(requests), "misses": len(missed), "request_bytes": asked, "miss_bytes": sum(missed),
            "evictions": cache.evictions, "object_miss_ratio": len(missed) / len(requests),
            "byte_miss_ratio": sum(missed) / asked}


@claim("LRU, FIFO and LFU agree with the plainest model to the last miss and byte")
def plain_policies() -> None:
    path = file("random.csv", trace(RANDOM))
    for policy in ("lru", "fifo", "lfu"):
        for bound in (1, 2, 10, 100, 399, 5000, 100000):
            for option, counts_objects in (("--cache-bytes", False), ("--cache-objects", True)):
                got = told(path, "--evict", policy, "--predict", "none", option, str(bound))
                wanted = expected(policy, bound, RANDOM, counts_objects)
                expect(got == wanted, f"{got} instead of {wanted}")


@claim("a percentage is one of the bytes of the distinct objects, rounded down")
def percentage() -> None:
    path = file("random.csv", trace(RANDOM))
    footprint = sum(size for _, size in set(RANDOM))
    got = told(path, "--evict", "lru", "--cache-percent", "12.5")
    expect(got == expected("lru", footprint * 125 // 1000, RANDOM, False), got)
    few = told(path, "--evict", "lru", "--cache-percent", "50", "--limit", "20")
    expect(few["cache_size"] == sum(size for _, size in set(RANDOM[:20])) // 2, few)


@claim("a limit takes the first requests only")
def limit() -> None:
    path = file("random.csv", trace(RANDOM))
    got = told(path, "--evict", "lru", "--cache-objects", "10", "--limit", "1000")
    expect(got == expected("lru", 10, RANDOM[:1000], True), got)


@claim("standard input and a file give the same, and so does each cut of a pipe")
def standard_input() -> None:
    text = trace(RANDOM)
    wanted = told(file("random.csv", text), "--cache-percent", "5")
    with subprocess.Popen([SHARDRUN, "replay", "-", "--cache-percent", "5", "--json"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as run:
        for begin in range(0, len(text), 7001):
            run.stdin.write(text[begin:begin + 7001])
            run.stdin.flush()
        got, _ = run.communicate(timeout=60)
    expect(json.loads(got) == wanted, got)


@claim("a compressed trace is read like any other, and one that was cut short is refused")
def compressed() -> None:
    corpus = Path(__file__).resolve().parents[2] / "fuzz" / "corpus" / "trace"
    requests = [(f"o{i * 7 % 23}", i * 7 % 23) for i in range(60)]
    got = told(str(corpus / "frame.csv.zst"), "--evict", "lru", "--cache-bytes", "90")
    expect(got == expected("lru", 90, requests, False), got)
    run = shardrun("replay", str(corpus / "refused-frame-cut.csv.zst"), "--cache-bytes", "90")
    expect(run.returncode == 1 and "ends in the middle of a frame" in run.stderr, run)


@claim("several policies give a list in the order asked for; 'all' gives all")
def several() -> None:
    path = file("random.csv", trace(RANDOM))
    pair = told(path, "--evict", "lru", "--evict", "fifo", "--cache-objects", "10")
    expect([one["evict"] for one in pair] == ["lru", "fifo"], pair)
    expect(pair[0] == told(path, "--evict", "lru", "--cache-objects", "10"), pair)
    every = told(path, "--evict", "all", "--cache-objects", "10")
    names = ["fifo", "lru", "lfu", "gdsf", "arc", "sieve", "s3-fifo", "w-tinylfu"]
    expect([one["evict"] for one in every] == names, every)
    run = shardrun("replay", path, "--evict", "all", "--cache-objects", "10")
    expect([line.split("\t")[0] for line in run.stdout.splitlines()] == names, run.stdout)


@claim("a line that is wrong is refused with file, line and column, and nothing is printed")
def wrong_line() -> None:
    path = file("wrong.csv", HEADER + "0,1,a,5\n1,1,b,5x\n")
    run = shardrun("replay", path, "--cache-objects", "10")
    wanted = f"shardrun: {path}:3:7: size '5x' is not a whole number of bytes\n"
    expect((run.returncode, run.stdout, run.stderr) == (1, "", wanted), run)


@claim("a file that is not there, a folder and a wrong command line are refused, each with its status")
def refused() -> None:
    for arguments, status, words in (
            ((str(FOLDER / "none"), "--cache-objects", "1"), 1, "No such file or directory"),
            ((str(FOLDER), "--cache-objects", "1"), 1, "Is a directory"),
            (("--cache-objects", "1"), 2, "TRACE is missing"),
            (("a", "b", "--cache-objects", "1"), 2, "'b' is one argument too many"),
            (("a",), 2, "the cache's size is missing"),
            (("a", "--cache-percent", "101"), 2, "101 is more than 100 percent"),
            (("a", "--cache-objects", "1", "--predict", "gru"), 2, "'gru' is no predictor"),
            (("a", "--cache-objects", "1", "--evict", "opt"), 2, "'opt' is no policy"),
            (("a", "--cache-items", "1"), 2, "'--cache-items' is no option")):
        run = shardrun("replay", *arguments)
        expect(run.returncode == status and words in run.stderr and not run.stdout, run)


@claim("a result that cannot be written is no success")
def full_disk() -> None:
    path = file("random.csv", trace(RANDOM))
    with open("/dev/full", "w", encoding="utf-8") as full:
        status = subprocess.run([SHARDRUN, "replay", path, "--cache-objects", "10"], stdout=full,
                                stderr=subprocess.DEVNULL, check=False).returncode
    expect(status == 1, status)


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        for entry in os.listdir(FOLDER):
            os.unlink(FOLDER / entry)
        os.rmdir(FOLDER)
