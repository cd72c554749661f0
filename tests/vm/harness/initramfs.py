"""The initramfs: busybox, the modules the root file system needs, an init and the plan of one run."""

import lzma
import re
from pathlib import Path

from harness.kernel import Kernel, KernelError

# What it takes to reach the root file system; everything else is loaded from the shared /lib/modules.
MODULES = ["virtio_pci", "virtio_blk", "virtiofs", "overlay"]
BUSYBOX = Path("/bin/busybox")


def build_initramfs(kernel: Kernel, init: Path, plan: bytes) -> bytes:
    """A newc cpio archive; `plan` becomes /plan.json."""
    archive = Archive()
    for folder in ("bin", "dev", "host", "modules", "proc", "root", "upper"):
        archive.add_folder(folder)
    archive.add_file("bin/busybox", BUSYBOX.read_bytes(), 0o755)
    archive.add_file("init", init.read_bytes(), 0o755)
    archive.add_file("plan.json", plan, 0o644)
    names = []
    for path in _with_dependencies(kernel):
        name = re.sub(r"\.ko(\.xz)?$", ".ko", path.name)
        archive.add_file(f"modules/{name}", _read_module(path), 0o644)
        names.append(name)
    archive.add_file("modules/order", "\n".join(names).encode() + b"\n", 0o644)
    return archive.finish()


def _with_dependencies(kernel: Kernel) -> list[Path]:
    """Paths of the modules in the order in which they load."""
    needs = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {re.sub(r"\.ko(\.xz)?$", "", Path(path).name).replace("-", "_"): path for path in needs}
    built_in = {Path(line).stem for line in (kernel.modules / "modules.builtin").read_text().splitlines()}
    order: list[str] = []
    for name in MODULES:
        if name in built_in:
            continue
        if name not in by_name:
            raise KernelError(f"kernel {kernel.release} has no module '{name}'")
        # depmod lists the dependencies of a module from the nearest to the farthest.
        for path in [*reversed(needs[by_name[name]]), by_name[name]]:
            if path not in order:
                order.append(path)
    return [kernel.modules / path for path in order]


def _read_module(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


class Archive:
    """Writes the newc format. Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._inode = 0

    def add_folder(self, name: str) -> None:
        self._add(name, b"", 0o040755)

    def add_file(self, name: str, data: bytes, mode: int) -> None:
        self._add(name, data, 0o100000 | mode)

    def finish(self) -> bytes:
        self._add("TRAILER!!!", b"", 0)
        return bytes(self._bytes)

    def _add(self, name: str, data: bytes, mode: int) -> None:
        self._inode += 1
        raw = name.encode() + b"\0"
        fields = [self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0]
        self._bytes += b"070701" + b"".join(b"%08x" % field for field in fields) + raw
        self._pad()
        self._bytes += data
        self._pad()

    def _pad(self) -> None:
        self._bytes += b"\0" * (-len(self._bytes) % 4)
