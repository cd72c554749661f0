#!/usr/bin/python3
"""Measures how fast blobs come from the store into memory, verified, beside what does not verify them and beside the floors."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from chart import Verdict, bars, table, verdict_lines

GIB = 2**30
# Of blobs at least this large a share of the floors is promised; of smaller ones a multiple of cp.
LARGE = 2**20
WARM_SHARE, COLD_SHARE = 0.75, 0.8
CP_FACTORS = {4096: {"warm": 1.4, "cold": 3.5}, 65536: {"warm": 1.3, "cold": 2.0}}
UNVERIFIED = ("cp", "read-write", "read-write-all", "sendfile")


def size_text(size: int) -> str:
    return f"{size >> 20} MiB" if size >= LARGE else f"{size >> 10} KiB"


def measure(options: argparse.Namespace) -> list[dict]:
    with tempfile.TemporaryDirectory(prefix="shardrun-bench-", dir=options.folder) as folder:
        command = [options.bench, "--streamer", options.streamer, "--folder", folder, "--rounds", str(options.rounds)]
        command += [word for size in options.size for word in ("--size", str(size))]
        rows = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    for row in rows:
        total = row["size_bytes"] * row["files"]
        row["p50_us"] = statistics.median(row["us"])
        row["gib_per_second"] = total / GIB / (row["p50_us"] / 1e6)
        row["cpu_seconds_per_gib"] = statistics.median(row["cpu_us"]) / 1e6 / (total / GIB)
    return rows


def rates(rows: list[dict], size: int, state: str) -> dict[str, float]:
    return {row["way"]: row["gib_per_second"] for row in rows if (row["size_bytes"], row["state"]) == (size, state)}


def judge(rows: list[dict]) -> list[Verdict]:
    verdicts = []
    for size in sorted({row["size_bytes"] for row in rows}):
        warm, cold = rates(rows, size, "warm"), rates(rows, size, "cold")
        if size in CP_FACTORS:
            for state, rate in (("warm", warm), ("cold", cold)):
                claim = f"{size_text(size)}, {state}: prefetched, to cp -r"
                verdicts.append(Verdict(claim, rate["prefetched"] / rate["cp"], CP_FACTORS[size][state]))
        if size >= LARGE:
            floor = min(max(warm[way] for way in UNVERIFIED), warm["sha256"])
            claim = f"{size_text(size)}, warm: prefetched, to the lower of the best copy and SHA-256"
            verdicts.append(Verdict(claim, warm["prefetched"] / floor, WARM_SHARE))
            floor = min(cold["disk"], warm["sha256"])
            claim = f"{size_text(size)}, cold: prefetched, to the lower of the disk and SHA-256"
            verdicts.append(Verdict(claim, cold["prefetched"] / floor, COLD_SHARE))
    return verdicts


def cells(row: dict) -> list[str]:
    return [
        f"{size_text(row['size_bytes'])}, {row['state']}",
        row["way"],
        f"{row['p50_us'] / row['files']:.1f}",
        f"{row['gib_per_second']:.2f}",
        f"{row['cpu_seconds_per_gib']:.2f}",
        "yes" if row["is_verified"] else "no",
    ]


def chart(rows: list[dict]) -> str:
    groups: dict[str, list[tuple[str, float, bool]]] = {}
    for row in rows:
        name = f"{size_text(row['size_bytes'])}, {row['state']}"
        groups.setdefault(name, []).append((row["way"], row["gib_per_second"], row["way"] in ("prefetched", "demanded")))
    return bars("From the store into memory", list(groups.items()), "GiB/s")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench stream", description=__doc__)
    parser.add_argument("--bench", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--streamer", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--folder", default="build", help="an existing one on the disk to measure; 2.5 GB are written")
    parser.add_argument("--rounds", type=int, default=5, help="times that each way is measured, in turns")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--size", type=int, action="append", default=[], help="of the blobs, in bytes; again for more")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="a chart as well")
    parser.add_argument("--json", action="store_true", help="only an array, one object for each size, state and way")
    parser.add_argument("--check", action="store_true", help="status 1 when a number is missed")
    return parser.parse_args()


def main() -> int:
    options = parse()
    if options.quick:
        options.rounds = 1
    try:
        rows = measure(options)
    except subprocess.CalledProcessError:
        return 2  # It has said why.
    except OSError as error:
        print(f"bench: write blobs to '{options.folder}': {error.strerror}: name another one with --folder", file=sys.stderr)
        return 2
    verdicts = judge(rows)
    if options.svg:
        options.svg.write_text(chart(rows))
    if options.json:
        print(json.dumps(rows, indent=1))
        print(verdict_lines(verdicts), end="", file=sys.stderr)
    else:
        print(table(["BLOBS", "WAY", "us EACH", "GiB/s", "CPU s/GiB", "VERIFIED"], [cells(row) for row in rows]))
        print("".join(f"{way}: {what}\n" for way, what in {row["way"]: row["what"] for row in rows}.items()))
        print(verdict_lines(verdicts), end="")
    return 1 if options.check and not all(each.is_met() for each in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
