"""Reads the guest's kernel log and picks out what no test may cause."""

import os
import re

# What the kernel prints when something in it went wrong. Not here: "Call Trace", which an ordinary
# out-of-memory kill prints too, and "soft lockup" and RCU stalls, which an emulated processor that
# its busy host leaves waiting reports without fault of its own.
COMPLAINT = re.compile(
    r"^WARNING: |^BUG: (?!soft lockup|workqueue lockup)|^kernel BUG at|^Oops|^general protection fault|"
    r"^INFO: task .* blocked|^UBSAN|^KASAN|^KCSAN|possible (circular|recursive) locking|refcount_t: |"
    r"^unregister_netdevice: waiting|^list_(add|del) corruption|^cgroup: .*(leak|underflow)|scheduling while atomic"
)


class KernelLog:
    """A position in /dev/kmsg."""

    def __init__(self) -> None:
        self._fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def read_new(self) -> list[str]:
        """Messages since the last call, without prefixes and continuation lines."""
        messages = []
        while True:
            try:
                record = os.read(self._fd, 8192)
            except BlockingIOError:
                return messages
            except BrokenPipeError:
                continue  # Records were overwritten before we read them; go on with the oldest.
            _, _, text = record.decode(errors="replace").partition(";")
            messages.append(text.split("\n", 1)[0])


def complaints(messages: list[str]) -> list[str]:
    """Each complaint with the few lines that follow it."""
    found: list[str] = []
    until = 0
    for index, message in enumerate(messages):
        if COMPLAINT.search(message):
            until = index + 25
        if index < until:
            found.append(message)
    return found
