"""Debian's kernel packages, unpacked into the cache. Nothing is installed on this machine."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SERIES = {
    "6.1": (r"linux-image-6\.1\.0-(\d+)-cloud-amd64", "linux-image-6.1.0-"),
    "6.12": (r"linux-image-6\.12\.(\d+)\+deb12-cloud-amd64", "linux-image-6.12."),
}


class KernelError(Exception):
    """One sentence for the person who asked for the kernel."""


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel: its image, its release name and the folder of its modules."""

    image: Path
    release: str
    modules: Path


def find_kernel(series: str, cache: Path) -> Kernel:
    """The kernel of a series from the cache, fetched first if the cache lacks it."""
    folder = cache / "kernel" / series
    if not folder.is_dir():
        _fetch(series, folder)
    images = sorted(folder.glob("boot/vmlinuz-*"))
    if not images:
        raise KernelError(f"'{folder}' holds no kernel image; remove it and try again")
    release = images[0].name.removeprefix("vmlinuz-")
    return Kernel(images[0], release, folder / "lib" / "modules" / release)


def _fetch(series: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        package = _download_newest(series, Path(scratch))
        unpacked = Path(scratch) / "unpacked"
        subprocess.run(["dpkg-deb", "-x", str(package), str(unpacked)], check=True)
        shutil.rmtree(unpacked / "usr", ignore_errors=True)
        release = next((unpacked / "lib" / "modules").iterdir()).name
        subprocess.run(["/sbin/depmod", "-b", str(unpacked), release], check=True)
        # Renamed only when it is whole: a run that was interrupted leaves no half a kernel.
        try:
            unpacked.rename(folder)
        except OSError:
            if not folder.is_dir():  # Another run has fetched it meanwhile.
                raise


def _download_newest(series: str, folder: Path) -> Path:
    # Old ABI names stay in the lists for a while after their package has gone, so a failed
    # download means: try the next older one.
    for refresh in (False, True):
        if refresh:
            subprocess.run(["apt-get", "-qq", "update"], check=False)
        for name in _candidates(series)[:4]:
            command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name]
            subprocess.run(command, cwd=folder, check=False, stderr=subprocess.DEVNULL)
            packages = sorted(folder.glob("*.deb"))
            if packages:
                return packages[0]
    raise KernelError(
        f"no package of kernel series {series} could be downloaded; "
        "check the network and that Debian 12's main and security archives are in sources.list"
    )


def _candidates(series: str) -> list[str]:
    pattern, prefix = SERIES[series]
    names = subprocess.run(
        ["apt-cache", "pkgnames", prefix], capture_output=True, text=True, check=True,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout.split()
    found = [(int(match.group(1)), name) for name in names if (match := re.fullmatch(pattern, name))]
    return [name for _, name in sorted(found, reverse=True)]
