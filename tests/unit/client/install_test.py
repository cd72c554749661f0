#!/usr/bin/python3
"""What is installed is enough to build against. Arguments: the build folder, the sanitizers it was built with."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

C_PROGRAM = """
#include <shardrun/shardrun.h>
#include <errno.h>
int main(void) {
    shardrun_client *client;
    return shardrun_connect("/nonexistent", &client) == -ENOENT ? 0 : 1;
}
"""
CPP_PROGRAM = """
#include <cerrno>
#include <shardrun/client.h>
int main() {
    const auto client = shardrun::Client::connect("/nonexistent");
    return !client && client.error().code == ENOENT ? 0 : 1;
}
"""


def main() -> int:
    build, sanitize = sys.argv[1:]
    flags = [] if sanitize == "none" else [f"-fsanitize={sanitize}"]
    with tempfile.TemporaryDirectory(prefix="shardrun-test-") as folder:
        stage = Path(folder, "stage")
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", str(stage),
                        "--tags", "runtime,devel"], check=True, stdout=subprocess.DEVNULL)
        found = next(stage.rglob("shardrun.pc"))
        environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(found.parent), "PKG_CONFIG_SYSROOT_DIR": str(stage)}
        answer = subprocess.run(["pkg-config", "--cflags", "--libs", "shardrun"], env=environment, check=True,
                                capture_output=True, text=True).stdout.split()
        library = found.parent.parent
        held = [works(folder, library, ["gcc", "-std=c99", "-pedantic", *flags], "c", C_PROGRAM, answer),
                works(folder, library, ["g++", "-std=c++23", *flags], "cc", CPP_PROGRAM, answer)]
    return 0 if all(held) else 1


def works(folder: str, library: Path, compiler: list[str], suffix: str, text: str, flags: list[str]) -> bool:
    source, program = Path(folder, f"consumer.{suffix}"), Path(folder, f"consumer-{suffix}")
    source.write_text(text)
    command = [*compiler, "-Wall", "-Wextra", "-Werror", str(source), "-o", str(program), *flags]
    built = subprocess.run(command, check=False)
    ran = built.returncode == 0 and subprocess.run(
        [program], env={**os.environ, "LD_LIBRARY_PATH": str(library)}, check=False).returncode == 0
    print(f"{'ok' if ran else 'not ok'} - a .{suffix} program builds through pkg-config and runs")
    return ran


if __name__ == "__main__":
    sys.exit(main())
