#!/usr/bin/python3
"""shardrun doctor in the test VM, which has everything."""

import json
import os
import sys

sys.path.insert(0, os.environ["SHARDRUN_TREE"] + "/tests/support")

from claims import claim, expect, main, shardrun  # noqa: E402


@claim("doctor finds that nothing is missing, and says so by its status")
def _() -> None:
    run = shardrun("doctor")
    expect(run.returncode == 0, run)
    for word in ("cpu", "cpuset", "memory", "pids", "io"):
        expect(word in run.stdout.split(), run.stdout)


@claim("doctor --json is a list of findings without a missing one")
def _() -> None:
    run = shardrun("doctor", "--json")
    expect(run.returncode == 0, run)
    findings = json.loads(run.stdout)
    findings = findings if isinstance(findings, list) else findings["findings"]
    expect(len(findings) > 10, run.stdout)
    expect(all(finding["verdict"] != "missing" for finding in findings), run.stdout)


if __name__ == "__main__":
    sys.exit(main())
