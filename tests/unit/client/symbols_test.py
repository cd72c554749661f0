#!/usr/bin/python3
"""libshardrun shows its own interface and nothing else. Argument: the shared library."""

import re
import subprocess
import sys

SHOWN = re.compile(r"^(shardrun_\w+|shardrun::(Client|ReceivedFrame)::.*|SHARDRUN_0)$")


def lines(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def conclude(claim: str, holds: bool, *why: str) -> bool:
    for sentence in why if not holds else ():
        print(sentence)
    print(f"{'ok' if holds else 'not ok'} - {claim}")
    return holds


def main() -> int:
    library = sys.argv[1]
    shown = [line.split(maxsplit=2)[2].split("@@")[0] for line in lines("nm", "-DC", "--defined-only", library)]
    # Coverage builds count in symbols of their own.
    foreign = [name for name in shown if not SHOWN.match(name) and not name.startswith(("__gcov", "mangle_path"))]
    state = [name for name in shown if "::State::" in name]
    declared = set(re.findall(r"\b(shardrun_\w+)\(", open(sys.argv[2], encoding="utf-8").read()))
    declared -= {"shardrun_limits_init", "shardrun_options_init", "shardrun_program_init"}  # Macros.
    missing = sorted(declared - set(shown))
    soname = [line for line in lines("readelf", "-d", library) if "SONAME" in line]
    needed = [line for line in lines("readelf", "-d", library) if "NEEDED" in line and "fmt" in line]
    held = [conclude("only names of the interface are shown", not foreign and not state, *foreign, *state),
            conclude("every function of shardrun.h is there", bool(declared) and not missing, *missing),
            conclude("the C++ client is there", any(name.startswith("shardrun::Client::connect") for name in shown)),
            conclude("the soname is libshardrun.so.0", len(soname) == 1 and "[libshardrun.so.0]" in soname[0]),
            conclude("libfmt need not be installed with it", not needed, *needed)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
