"""How many claims a test program made, and how many held: the one way of counting for every suite.

A doctest program counts its test cases, a program that speaks TAP ("ok ...", "not ok ...") its lines,
any other program counts as one. A program that failed has at least one failure, whatever it printed."""

import re
from dataclasses import dataclass

DOCTEST = re.compile(r"^\[doctest\] test cases: +(\d+) \| +(\d+) passed \| +(\d+) failed", re.MULTILINE)
TAP = re.compile(r"^(not ok|ok)\b(?:.*(# SKIP))?", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SKIPPED = 77


@dataclass
class Outcome:
    """Counts of claims."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other: "Outcome") -> "Outcome":
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def count(output: str, status: int) -> Outcome:
    """The claims of one program, from what it printed and its exit status."""
    text = COLOUR.sub("", output)
    if status == SKIPPED:
        return Outcome(skipped=1)
    outcome = _claims(text)
    if status != 0 and outcome.failed == 0:
        outcome.failed = 1
    if status == 0 and outcome == Outcome():
        outcome.passed = 1
    return outcome


def _claims(text: str) -> Outcome:
    outcome = Outcome()
    for _, passed, failed in DOCTEST.findall(text):
        outcome += Outcome(int(passed), int(failed))
    for verdict, skip in TAP.findall(text):
        outcome += Outcome(skipped=1) if skip else Outcome(verdict == "ok", verdict != "ok")
    return outcome
