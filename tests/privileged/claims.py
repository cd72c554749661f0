"""Claims with their outcome, one line each, as the suites count them."""

import time

WAIT = 60
status = 0


def conclude(claim: str, holds: bool, shown: object = "") -> None:
    global status
    print(f"{'ok' if holds else 'not ok'} - {claim}", flush=True)
    if not holds:
        print(f"# {shown}", flush=True)
        status = 1


def until(condition, what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.01)
