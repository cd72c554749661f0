"""Follows a running machine: hands on results as they come, and ends a machine that hangs."""

import json
import os
import selectors
import socket
import time
from collections.abc import Callable

from harness.machine import Machine

BOOT_LIMIT_S = 180
NMI_WAIT_S = 20


class Watch:
    """One event of the guest is one call of `on_event`."""

    def __init__(self, machine: Machine, on_event: Callable[[dict], None], total_limit_s: float,
                 grace_s: float) -> None:
        self._machine = machine
        self._on_event = on_event
        self._end = time.monotonic() + total_limit_s
        self._silence_end = time.monotonic() + BOOT_LIMIT_S
        self._test_limit_s = 0.0
        self._grace_s = grace_s  # For what the guest does around a test: looking for leftovers, telling us.
        self._pending = b""

    def follow(self, results: socket.socket, console: socket.socket) -> str | None:
        """Returns when the machine is gone: None after a verdict, else one sentence on what happened."""
        with selectors.DefaultSelector() as selector:
            selector.register(results, selectors.EVENT_READ, self._on_results)
            selector.register(console, selectors.EVENT_READ, lambda sock: bool(sock.recv(65536)))
            selector.register(os.pidfd_open(self._machine.process.pid), selectors.EVENT_READ, None)
            while self._machine.process.poll() is None:
                limit = min(self._end, self._silence_end) - time.monotonic()
                if limit <= 0:
                    return self._on_hang(selector)
                self._dispatch(selector, limit)
            self._drain(results)
        status = self._machine.process.returncode
        if status & 1 and status >= 129:  # isa-debug-exit: (64 + verdict) << 1 | 1
            return None
        return f"the machine ended without a verdict (QEMU status {status}): a panic, or it was switched off"

    def _dispatch(self, selector: selectors.BaseSelector, limit_s: float) -> None:
        for key, _ in selector.select(limit_s):
            if key.data is not None and not key.data(key.fileobj):
                selector.unregister(key.fileobj)

    def _on_results(self, results: socket.socket) -> bool:
        data = results.recv(65536)
        self._pending += data
        *lines, self._pending = self._pending.split(b"\n")
        for line in lines:
            event = json.loads(line)
            # The guest ends a test that takes too long by itself; only its own death is ours to notice.
            self._test_limit_s = event.get("limit_s", self._test_limit_s)
            self._silence_end = time.monotonic() + self._test_limit_s + self._grace_s
            self._on_event(event)
        return bool(data)

    def _drain(self, results: socket.socket) -> None:
        results.setblocking(False)
        try:
            while self._on_results(results):
                pass
        except BlockingIOError:
            pass

    def _on_hang(self, selector: selectors.BaseSelector) -> str:
        total = time.monotonic() >= self._end
        try:
            self._machine.inject_nmi()
            end = time.monotonic() + NMI_WAIT_S
            while time.monotonic() < end and self._machine.process.poll() is None:
                self._dispatch(selector, 1)
        except OSError:
            pass  # QEMU itself is stuck; killing it is all that is left.
        self._machine.process.kill()
        self._machine.process.wait()
        return "the time limit of the whole run has passed" if total else "the guest hangs: no sign of life"
