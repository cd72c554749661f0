"""Runs the plan's tests one after the other and tells the harness, line by line, as things happen."""

import json
import os
import select
import signal
import subprocess
import tempfile
import termios
import time
import tty
from pathlib import Path

from kernel_log import KernelLog, complaints
from leftovers import left_since, snapshot

TEST_CGROUP = Path("/sys/fs/cgroup/vm-test")
OUTPUT_MAX_BYTES = 1 << 20


class Channel:
    """JSON, one object a line, on the second serial port."""

    def __init__(self, device: str) -> None:
        self._fd = os.open(device, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
        tty.setraw(self._fd, termios.TCSANOW)

    def tell(self, event: str, **fields: object) -> None:
        data = json.dumps({"event": event, **fields}).encode() + b"\n"
        while data:
            data = data[os.write(self._fd, data) :]

    def flush(self) -> None:
        termios.tcdrain(self._fd)


def run_plan(plan: dict) -> int:
    """0 if every test ended with status 0 and left nothing; 1 otherwise."""
    channel = Channel("/dev/ttyS1")
    log = KernelLog()
    channel.tell("boot", release=os.uname().release, complaints=complaints(log.read_new()))
    failed = False
    for test in plan["tests"]:
        failed |= not _run_test(test, channel, log)
    channel.tell("done")
    channel.flush()
    return 1 if failed else 0


def _run_test(test: dict, channel: Channel, log: KernelLog) -> bool:
    channel.tell("start", name=test["name"], limit_s=test["limit_s"])
    before = snapshot()
    started = time.monotonic()
    status, timed_out = _run_program(test, channel)
    seconds = round(time.monotonic() - started, 2)
    left = left_since(before) if test["clean"] else []
    noise = complaints(log.read_new())
    channel.tell("end", name=test["name"], status=status, timed_out=timed_out, seconds=seconds,
                 left=left, complaints=noise)
    return status == 0 and not timed_out and not left and not noise


def _run_program(test: dict, channel: Channel) -> tuple[int, bool]:
    TEST_CGROUP.mkdir()
    with tempfile.TemporaryDirectory(prefix="vm-test-", dir="/tmp") as folder:
        try:
            program = subprocess.Popen(
                test["command"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, cwd=test.get("cwd") or folder, start_new_session=True,
                env={**os.environ, **test["env"], "TMPDIR": folder}, preexec_fn=_enter_cgroup)
        except OSError as error:
            channel.tell("output", text=f"vm: cannot run {test['command'][0]}: {error}\n")
            TEST_CGROUP.rmdir()
            return 127, False
        timed_out = not _forward_until_exit(program, channel, test["limit_s"])
        if timed_out:
            channel.tell("output", text=_stacks())
        (TEST_CGROUP / "cgroup.kill").write_text("1")
        status = program.wait()
    _remove_cgroup()
    return status, timed_out


def _enter_cgroup() -> None:
    (TEST_CGROUP / "cgroup.procs").write_text("0")


def _remove_cgroup() -> None:
    for _ in range(100):
        try:
            return TEST_CGROUP.rmdir()
        except OSError:
            time.sleep(0.05)


def _forward_until_exit(program: subprocess.Popen, channel: Channel, limit_s: float) -> bool:
    """False if the time ran out. Waits for the program, not for the end of its output: a process it
    left behind may hold the pipe."""
    deadline = time.monotonic() + limit_s
    pidfd = os.pidfd_open(program.pid)
    output = program.stdout.fileno()
    os.set_blocking(output, False)
    watched, sent = [pidfd, output], 0
    try:
        while pidfd in watched:
            ready, _, _ = select.select(watched, [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return False
            if output in ready:
                data = os.read(output, 4096)
                sent = _forward(data, sent, channel)
                if not data:
                    watched.remove(output)
            elif pidfd in ready:
                watched.remove(pidfd)
        return True
    finally:
        os.close(pidfd)


def _forward(data: bytes, sent: int, channel: Channel) -> int:
    if sent < OUTPUT_MAX_BYTES and data:
        channel.tell("output", text=data.decode(errors="replace"))
        if sent + len(data) >= OUTPUT_MAX_BYTES:
            channel.tell("output", text="\nvm: further output is dropped\n")
    return sent + len(data)


def _stacks() -> str:
    """Where each process of the test hangs in the kernel."""
    lines = ["vm: the time limit has passed; its processes:"]
    for folder, _, _ in os.walk("/sys/fs/cgroup"):
        for pid in Path(folder, "cgroup.procs").read_text().split():
            if folder == "/sys/fs/cgroup":
                continue
            try:
                command = Path("/proc", pid, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                stack = Path("/proc", pid, "stack").read_text()
            except OSError:
                continue
            lines += [f"{pid} {command}", stack.rstrip()]
    return "\n".join(lines) + "\n"


def run_shell(plan: dict) -> int:
    os.setsid()
    console = os.open("/dev/ttyS0", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(console, fd)
    termios.tcsetwinsize(0, (plan["rows"], plan["columns"]))
    os.environ.update(plan["env"])
    os.environ["TERM"] = plan["terminal"]
    os.chdir(plan["tree"])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return subprocess.run(["/bin/bash", "-i"], check=False, preexec_fn=_take_terminal).returncode


def _take_terminal() -> None:
    # The shell is the leader's child, so it needs the terminal's foreground for job control.
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
