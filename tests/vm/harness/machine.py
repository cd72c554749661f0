"""One run of QEMU: the command line, the sockets, the end."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.initramfs import build_initramfs
from harness.kernel import Kernel
from harness.share import start_share

MEMORY = "2G"
FAILED_RUNS_MAX = 8
SCRATCH_SIZE_BYTES = 256 << 20
COMMAND_LINE = (
    "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable cgroup_no_v1=all psi=1 oops=panic "
    "softlockup_panic=0 random.trust_cpu=on"
)
GUEST_INIT = Path(__file__).parent.parent / "guest" / "init"


class Machine:
    """Owns a run folder, the file server and QEMU; close() ends and removes all of it."""

    def __init__(self, kernel: Kernel, plan: dict, cache: Path) -> None:
        self.folder = _new_run_folder(cache / "runs")
        self.console_log = self.folder / "console.log"
        # Unix socket paths are short, and the cache may lie deep: sockets get a folder in /tmp.
        self._sockets = Path(tempfile.mkdtemp(prefix="shardrun-vm-", dir="/tmp"))
        self._share: subprocess.Popen | None = None
        self._qemu: subprocess.Popen | None = None
        self._kernel = kernel
        try:
            self._write_files(kernel, plan)
            self._share = start_share(self._folder("root"), self._sockets / "fs", self.folder / "virtiofsd.log")
        except BaseException:
            self.close(keep=False)
            raise

    def start(self, shell: bool) -> tuple[socket.socket, socket.socket | None]:
        """Starts QEMU; returns the results' and the console's connection (a shell has none)."""
        listeners = [self._listen("results")] + ([] if shell else [self._listen("console")])
        with (self.folder / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                self._command(shell), stdin=None if shell else subprocess.DEVNULL,
                stdout=None if shell else log, stderr=log)
        connections = [self._accept(listener) for listener in listeners]
        return connections[0], None if shell else connections[1]

    @property
    def process(self) -> subprocess.Popen:
        assert self._qemu is not None
        return self._qemu

    def inject_nmi(self) -> None:
        """Makes a guest that hangs print its stacks on the console, where it panics."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(str(self._sockets / "qmp"))
            stream = control.makefile("rw")
            stream.readline()
            for command in ("qmp_capabilities", "inject-nmi"):
                stream.write(json.dumps({"execute": command}) + "\n")
                stream.flush()
                stream.readline()

    def close(self, keep: bool) -> None:
        for process in (self._qemu, self._share):
            if process is not None and process.poll() is None:
                process.kill()
            if process is not None:
                process.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)
        (self.folder / "scratch.img").unlink(missing_ok=True)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _write_files(self, kernel: Kernel, plan: dict) -> None:
        text = json.dumps(plan, indent=1).encode()
        (self.folder / "initramfs").write_bytes(build_initramfs(kernel, GUEST_INIT, text))
        disk = self.folder / "scratch.img"
        with disk.open("wb") as image:
            image.truncate(SCRATCH_SIZE_BYTES)
        subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", str(disk)], check=True)

    def _folder(self, name: str) -> Path:
        path = self._sockets / name
        path.mkdir()
        return path

    def _listen(self, name: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._sockets / name))
        listener.listen(1)
        listener.settimeout(30)
        return listener

    def _accept(self, listener: socket.socket) -> socket.socket:
        with listener:
            try:
                return listener.accept()[0]
            except TimeoutError:
                sys.exit(f"vm: QEMU did not start: {(self.folder / 'qemu.log').read_text().strip()}")

    def _command(self, shell: bool) -> list[str]:
        console = ("stdio,id=console,signal=off,mux=off" if shell
                   else f"socket,id=console,path={self._sockets / 'console'}")
        return [
            "qemu-system-x86_64", "-M", "q35,hpet=off", "-accel", "tcg,thread=multi",
            # "Fast string" copies are slow when emulated.
            "-cpu", "max,-erms", "-smp", str(max(2, min(4, os.cpu_count() or 2))), "-m", MEMORY,
            "-nodefaults", "-no-user-config", "-no-reboot", "-nographic",
            "-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on", "-numa", "node,memdev=memory",
            "-chardev", f"socket,id=fs,path={self._sockets / 'fs'}",
            "-device", "vhost-user-fs-pci,chardev=fs,tag=host,queue-size=1024",
            "-drive", f"file={self.folder / 'scratch.img'},format=raw,if=none,id=scratch,cache=unsafe",
            "-device", "virtio-blk-pci,drive=scratch",
            "-chardev", f"{console},logfile={self.console_log}", "-serial", "chardev:console",
            "-chardev", f"socket,id=results,path={self._sockets / 'results'}", "-serial", "chardev:results",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
            "-qmp", f"unix:{self._sockets / 'qmp'},server=on,wait=off",
            "-kernel", str(self._kernel.image), "-initrd", str(self.folder / "initramfs"),
            "-append", COMMAND_LINE,
        ]


def _new_run_folder(parent: Path) -> Path:
    """A folder for this run's files; of those that failed runs left, the newest few are kept."""
    parent.mkdir(parents=True, exist_ok=True)
    old = sorted(parent.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in old[FAILED_RUNS_MAX:]:
        shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix="vm-", dir=parent))
