"""What a test left behind: processes, cgroups, mounts, network interfaces, files."""

import os
import time
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
WATCHED_FOLDERS = ["/dev/shm", "/dev/mqueue", "/run", "/tmp", "/sys/class/net"]
SETTLE_S = 8.0


def snapshot() -> set[str]:
    """One line for each thing that exists now."""
    things = {"process " + name for name in _processes()}
    things |= {"cgroup " + folder for folder, _, _ in os.walk(CGROUP)}
    things |= {"mount " + line for line in _mounts()}
    for folder in WATCHED_FOLDERS:
        things |= {f"file {folder}/{name}" for name in os.listdir(folder)}
    return things


def left_since(before: set[str]) -> list[str]:
    """What is there now and was not before. The kernel takes some things apart after the last
    process is gone, so a difference counts once it stays."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        left = snapshot() - before
        if not left or time.monotonic() > deadline:
            return sorted(left)
        time.sleep(0.1)


def _processes() -> list[str]:
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_text()
        except OSError:
            continue  # It ended while we looked.
        name = stat[stat.index("(") + 1 : stat.rindex(")")]
        parent = stat[stat.rindex(")") + 2 :].split()[1]
        if parent not in ("0", "2") or entry == "1":  # Kernel threads come and go as they like.
            found.append(f"{entry} ({name})")
    return found


def _mounts() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    # The target and type, without the ids, which differ from mount to mount.
    return [f"{line.split()[4]} {line.split(' - ')[1]}" for line in lines]
