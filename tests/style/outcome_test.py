#!/usr/bin/python3
"""The counting of test results: no failure is ever counted as something else."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from outcome import Outcome, count  # noqa: E402
from tree import conclude  # noqa: E402

DOCTEST = "[doctest] test cases:  5 |  {} passed | {} failed | 0 skipped\n[doctest] assertions: 9 | 9 passed | 0 failed |\n"
CASES = {
    "a silent program that ends well is one passed": ("", 0, Outcome(1, 0, 0)),
    "a silent program that ends badly is one failed": ("", 1, Outcome(0, 1, 0)),
    "a program killed by a signal has failed": ("", -9, Outcome(0, 1, 0)),
    "status 77 is one skipped": ("needs root\n", 77, Outcome(0, 0, 1)),
    "doctest's cases are counted": (DOCTEST.format(5, 0), 0, Outcome(5, 0, 0)),
    "doctest's failures are counted": (DOCTEST.format(3, 2), 1, Outcome(3, 2, 0)),
    "colour does not hide them": ("\x1b[1m" + DOCTEST.format(3, 2), 1, Outcome(3, 2, 0)),
    "a bad end after good cases is one failure more": (DOCTEST.format(5, 0), 1, Outcome(5, 1, 0)),
    "TAP lines are counted": ("ok - a\nok 2 - b # SKIP no c\nnot ok - d\nokay\n", 1, Outcome(1, 1, 1)),
    "a bad end after good TAP lines is one failure more": ("ok - a\n", 2, Outcome(1, 1, 0)),
}


def main() -> int:
    status = 0
    for claim, (output, code, expected) in CASES.items():
        got = count(output, code)
        status |= conclude(claim, [] if got == expected else [f"expected {expected}; got {got}"])
    return status


if __name__ == "__main__":
    sys.exit(main())
