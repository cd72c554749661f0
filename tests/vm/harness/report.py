"""Shows results as they come, counts them, and keeps what a machine wants to read."""

import json
import sys
from pathlib import Path

from outcome import SKIPPED, Outcome, count


class Report:
    """Consumes the guest's events. `plain`: the output of one command and nothing else."""

    def __init__(self, plain: bool, results: Path | None) -> None:
        self._plain = plain
        self._results = results
        self._output: list[str] = []
        self._rows: list[dict] = []
        self._running: str | None = None
        self.total = Outcome()
        self.last_status = 2
        self.troubles: list[str] = []
        self.done = False

    def on_event(self, event: dict) -> None:
        getattr(self, "_on_" + event["event"])(event)

    def on_machine_end(self, trouble: str | None) -> None:
        """What was running when the machine died has failed."""
        if trouble is None and self.done:
            return
        sentence = trouble or "the guest gave its verdict before its tests were done"
        self.troubles.append(sentence)
        self._add_row(self._running or "vm", Outcome(failed=1), 0, [sentence])

    def write_results(self) -> None:
        if self._results is not None:
            self._results.write_text("".join(json.dumps(row) + "\n" for row in self._rows))

    def _on_boot(self, event: dict) -> None:
        if not self._plain:
            print(f"vm: Linux {event['release']}", flush=True)
        if event["complaints"]:
            self._add_row("vm boot", Outcome(failed=1), 0, event["complaints"])

    def _on_start(self, event: dict) -> None:
        self._running, self._output = event["name"], []
        if not self._plain:
            print(f"vm: {event['name']} ...", flush=True)

    def _on_output(self, event: dict) -> None:
        self._output.append(event["text"])
        sys.stdout.write(event["text"])
        sys.stdout.flush()

    def _on_end(self, event: dict) -> None:
        self._running, self.last_status = None, event["status"]
        reasons = _reasons(event)
        outcome = count("".join(self._output), event["status"])
        if event["status"] == SKIPPED:
            outcome = Outcome(failed=1)  # The VM has all that a test may need.
        elif reasons and outcome.failed == 0:
            outcome.failed = 1
        self._add_row(event["name"], outcome, event["seconds"], reasons)

    def _on_done(self, _: dict) -> None:
        self.done = True

    def _add_row(self, name: str, outcome: Outcome, seconds: float, reasons: list[str]) -> None:
        self.total += outcome
        self._rows.append({"suite": "vm", "name": name, "passed": outcome.passed, "failed": outcome.failed,
                           "skipped": outcome.skipped, "seconds": seconds, "reasons": reasons})
        for reason in reasons:
            print(f"vm: {name}: {reason}", file=sys.stderr, flush=True)
        if not self._plain:
            print(f"vm: {'FAILED' if outcome.failed else 'passed'} {name}: {outcome} ({seconds} s)", flush=True)


def _reasons(event: dict) -> list[str]:
    reasons = []
    if event["timed_out"]:
        reasons.append("killed: its time limit has passed")
    elif event["status"] == SKIPPED:
        reasons.append("skipped, which counts as failed here: the VM has all that a test may need")
    elif event["status"] != 0:
        reasons.append(f"exit status {event['status']}")
    reasons += [f"left behind: {thing}" for thing in event["left"]]
    reasons += [f"kernel log: {line}" for line in event["complaints"]]
    return reasons
