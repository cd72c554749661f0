"""Turns the bare root file system into a machine a test can use."""

import fcntl
import os
import socket
import struct
import subprocess
from pathlib import Path

HOST_ROOT = Path("/run/vm/host")
SCRATCH = Path("/mnt/scratch")
CGROUP = Path("/sys/fs/cgroup")

MOUNTS = [
    ("proc", "proc", "/proc", "nosuid,nodev,noexec"),
    ("sysfs", "sysfs", "/sys", "nosuid,nodev,noexec"),
    ("cgroup2", "cgroup2", str(CGROUP), "nosuid,nodev,noexec,nsdelegate"),
    ("devpts", "devpts", "/dev/pts", "mode=620,ptmxmode=666,gid=5"),
    ("tmpfs", "shm", "/dev/shm", "nosuid,nodev,mode=1777"),
    ("mqueue", "mqueue", "/dev/mqueue", "nosuid,nodev,noexec"),
    ("tmpfs", "tmp", "/tmp", "nosuid,nodev,mode=1777"),
]


def prepare(plan: dict) -> None:
    _environment()
    for kind, source, target, options in MOUNTS:
        os.makedirs(target, exist_ok=True)
        _mount("-t", kind, "-o", options, source, target)
    for path in plan["paths"]:
        _show_host_path(path)
    _bind_modules(plan["modules"])
    _enable_controllers()
    _loopback_up()
    socket.sethostname("shardrun-vm")
    # Ask for the stacks of every processor when the harness sends an NMI to a guest that hangs.
    Path("/proc/sys/kernel/unknown_nmi_panic").write_text("1")
    Path("/proc/sys/kernel/sysrq").write_text("1")
    SCRATCH.mkdir(parents=True, exist_ok=True)
    _mount("/dev/vda", str(SCRATCH))


def _environment() -> None:
    os.environ.clear()
    os.environ.update(
        PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        HOME="/root", LANG="C.UTF-8", TERM="linux", USER="root", SHELL="/bin/bash",
    )
    os.umask(0o022)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _show_host_path(path: str) -> None:
    """Brings back a host folder that one of our own mounts hides (a build folder below /tmp)."""
    if not os.path.exists(path):
        os.makedirs(path)
        _mount("--bind", str(HOST_ROOT) + path, path)


def _bind_modules(path: str) -> None:
    target = "/lib/modules/" + os.uname().release
    os.makedirs(target, exist_ok=True)
    _mount("--bind", str(HOST_ROOT) + path, target)


def _enable_controllers() -> None:
    controllers = (CGROUP / "cgroup.controllers").read_text().split()
    missing = {"cpu", "cpuset", "io", "memory", "pids"} - set(controllers)
    if missing:
        raise SystemExit(f"vm: the guest kernel lacks cgroup controllers: {' '.join(sorted(missing))}")
    (CGROUP / "cgroup.subtree_control").write_text(" ".join("+" + name for name in controllers))


def _loopback_up() -> None:
    # SIOCSIFFLAGS (0x8914) with IFF_UP | IFF_RUNNING; see netdevice(7).
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
