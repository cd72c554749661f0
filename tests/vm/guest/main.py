"""Pid 1 of the test VM: sets the machine up, runs what the plan says, reaps, gives the verdict."""

import ctypes
import json
import mmap
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import runner  # noqa: E402  (found by the line above)
import setup  # noqa: E402


def main() -> None:
    plan = json.loads(Path("/run/vm/plan.json").read_text())
    try:
        setup.prepare(plan)
        child = os.fork()
        if child == 0:
            os._exit(_work(plan))
        verdict(_reap_until(child))
    except BaseException:
        traceback.print_exc()
        verdict(2)


def _work(plan: dict) -> int:
    try:
        return runner.run_shell(plan) if plan["shell"] else runner.run_plan(plan)
    except BaseException:
        traceback.print_exc()
        return 2


def _reap_until(child: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) & 63


def verdict(status: int) -> None:
    """Ends the machine: the isa-debug-exit device at port 0xf4 turns v into exit status (v << 1) | 1."""
    os.sync()
    # Debian's cloud kernel has no /dev/port, so the instruction is ours: mov eax, edi; mov dx, 0xf4;
    # out dx, al; ret.
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\x89\xf8\x66\xba\xf4\x00\xee\xc3")
    ctypes.CDLL(None).iopl(3)
    ctypes.CFUNCTYPE(None, ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))(64 + status)


if __name__ == "__main__":
    main()
