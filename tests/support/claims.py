"""For test programs in Python: a claim is a function; what it asserts is shown when it does not hold."""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable

_claims: list[tuple[str, Callable[[], None]]] = []
SHARDRUN = os.environ.get("SHARDRUN", "shardrun")


def claim(sentence: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Registers the function below it under this sentence."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        _claims.append((sentence, function))
        return function

    return register


def main() -> int:
    """Tries each claim in order and prints it in TAP."""
    failed = False
    for sentence, function in _claims:
        try:
            function()
            print(f"ok - {sentence}", flush=True)
        except Exception:
            failed = True
            traceback.print_exc(file=sys.stdout)
            print(f"not ok - {sentence}", flush=True)
    return 1 if failed else 0


def expect(condition: object, what: object) -> None:
    if not condition:
        raise AssertionError(what)


def shardrun(*arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess:
    """Runs the command line tool to its end."""
    return subprocess.run([SHARDRUN, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout_s, check=False)
