"""The host's / as a read-only share, by virtiofsd in a mount namespace of its own."""

import subprocess
import time
from pathlib import Path

DAEMONS = [Path("/usr/lib/qemu/virtiofsd"), Path("/usr/libexec/virtiofsd")]

# The bind is made read-only in a private mount namespace: the machine's own mounts are not touched,
# and all of it is gone with the daemon.
SCRIPT = """
set -e
mount --make-rprivate /
mount --rbind / "$1"
mount -o remount,bind,ro=recursive "$1"
exec "$2" --socket-path="$3" -o source="$1" -o cache=always -o sandbox=chroot -o log_level=err
"""


def start_share(folder: Path, socket: Path, log: Path) -> subprocess.Popen:
    daemon = next((path for path in DAEMONS if path.exists()), None)
    if daemon is None:
        raise SystemExit("vm: no virtiofsd; install qemu-system-common")
    command = ["unshare", "--mount", "sh", "-c", SCRIPT, "share", str(folder), str(daemon), str(socket)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   start_new_session=True)
    for _ in range(500):
        if socket.exists():
            return process
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    raise SystemExit(f"vm: virtiofsd did not start: {log.read_text(errors='replace').strip()}")
