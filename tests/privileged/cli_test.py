#!/usr/bin/python3
"""The command as people use it, as root on the real kernel: with an embedded supervisor and with one that serves.
Limits need not be enforced here (best effort); what must hold either way is what a shell and its user see."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import claims
from claims import WAIT, conclude, until

SHARDRUN = os.environ["SHARDRUN"]
EMBEDDED = ["--embedded", "--best-effort"]
# Of our own, so that what is left of others is not taken for ours.
CGROUP = f"shardrun-cli-test-{os.getpid()}"
UID_FIRST = 2_000_000_000
OWN_PLACE = f'[cgroup]\nroot = "{CGROUP}"\ncontrollers = "best-effort"\n[shard]\nuid_first = {UID_FIRST}\n'


def call(*words: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([SHARDRUN, *words], capture_output=True, text=True, timeout=WAIT, check=False, **options)


def run(*program: str, how: list[str] | None = None, options: list[str] | None = None, **more) -> subprocess.CompletedProcess:
    return call("run", *(EMBEDDED if how is None else how), *(options or []), "--", *program, **more)


def exit_statuses(how: list[str], name: str) -> None:
    for wanted in (0, 1, 7, 124, 255):
        got = run("sh", "-c", f"exit {wanted}", how=how)
        conclude(f"{name}: exit status {wanted} is passed on", got.returncode == wanted, got)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
        got = run("sh", "-c", f"kill -{int(number)} $$", how=how)
        conclude(f"{name}: a program killed by {number.name} gives 128 more", got.returncode == 128 + number, got)
    got = run("/usr/bin/no-such-program", how=how)
    conclude(f"{name}: a program that is not there gives 127 and a sentence",
             got.returncode == 127 and got.stderr.startswith("shardrun: execute '/usr/bin/no-such-program': "), got)
    got = run("/usr/bin", how=how)
    conclude(f"{name}: what cannot be executed gives 126", got.returncode == 126, got)
    got = run("true", how=how, options=["--memory", "12Q"])
    conclude(f"{name}: a wrong command line gives 125",
             got.returncode == 125 and got.stderr.startswith("shardrun: --memory: '12Q' is not a size"), got)


def streams(how: list[str], name: str) -> None:
    data = os.urandom(1 << 20)
    got = subprocess.run([SHARDRUN, "run", *how, "--", "cat"], input=data, capture_output=True, timeout=WAIT, check=False)
    conclude(f"{name}: a mebibyte goes through standard input and output unchanged", got.stdout == data, got.stderr)
    got = run("sh", "-c", "echo out; echo err >&2", how=how)
    conclude(f"{name}: standard output and error stay apart", (got.stdout, got.stderr) == ("out\n", "err\n"), got)
    got = run("sh", "-c", "echo $A; echo ${SECRET-unset}; pwd", how=how, options=["--env", "A=1 2", "--cwd", "/tmp"],
              env={**os.environ, "SECRET": "s"})
    conclude(f"{name}: the environment and the working directory are those asked for", got.stdout == "1 2\nunset\n/tmp\n", got)


def processors(how: list[str], name: str) -> None:
    got = run("grep", "Cpus_allowed_list", "/proc/self/status", how=how)
    here = Path("/proc/self/status").read_text()
    conclude(f"{name}: a program may use every processor that the supervisor may", got.stdout and got.stdout in here, got)


def start(how: list[str], script: str, *options: str) -> subprocess.Popen:
    """A shell script that has printed "ready"."""
    process = subprocess.Popen([SHARDRUN, "run", *how, *options, "--", "sh", "-c", script], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if line != "ready\n":
        raise RuntimeError(f"the program did not start: {line!r} {process.stderr.read()!r}")
    return process


def signals(how: list[str], name: str) -> None:
    for number, status_wanted in ((signal.SIGTERM, 41), (signal.SIGINT, 42), (signal.SIGHUP, 43), (signal.SIGUSR1, 44)):
        word = number.name.removeprefix("SIG")
        script = f"trap 'exit {status_wanted}' {word}; echo ready; while :; do sleep 0.05; done"
        process = start(how, script)
        process.send_signal(number)
        conclude(f"{name}: {number.name} reaches the program", process.wait(WAIT) == status_wanted, process.returncode)
    began = time.monotonic()
    got = run("sleep", "60", how=how, options=["--timeout", "300ms"])
    conclude(f"{name}: a program whose time is over ends with 124", got.returncode == 124 and time.monotonic() - began < 10, got)
    got = run("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done", how=how, options=["--timeout", "300ms"])
    conclude(f"{name}: one that ignores SIGTERM ends all the same", got.returncode == 124, got)


def job_control(how: list[str], name: str) -> None:
    process = start(how, "echo ready; i=0; while [ $i -lt 20 ]; do sleep 0.05; i=$((i+1)); done; exit 5")
    process.send_signal(signal.SIGTSTP)
    _, raw = os.waitpid(process.pid, os.WUNTRACED)
    conclude(f"{name}: SIGTSTP stops the program and then the command", os.WIFSTOPPED(raw), raw)
    process.send_signal(signal.SIGCONT)
    conclude(f"{name}: SIGCONT continues both", process.wait(WAIT) == 5, process.returncode)


class Terminal:
    """The command on a pseudo-terminal of 30 rows and 90 columns."""

    def __init__(self, *words: str) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(30, 90)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen([SHARDRUN, *words], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        preexec_fn=self._lead, close_fds=True)
        self.text = ""

    def _lead(self) -> None:
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, pattern: str) -> bool:
        deadline = time.monotonic() + WAIT
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self.master], [], [], 0.1)
            if ready:
                self.text += os.read(self.master, 4096).decode()
            if time.monotonic() > deadline:
                return False
        return True

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self) -> int:
        return self.process.wait(WAIT)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def on_terminal(how: list[str], name: str) -> None:
    terminal = Terminal("run", *how, "--", "sh", "-c", "stty size; tty; read line; echo \"got $line\"; stty size; exit 6")
    conclude(f"{name}: the program's terminal has the window's size", terminal.expect("30 90"), terminal.text)
    conclude(f"{name}: the terminal is one of the shard's own", terminal.expect("/dev/pts/0"), terminal.text)
    raw = termios.tcgetattr(terminal.slave)
    conclude(f"{name}: meanwhile our terminal is raw", raw[3] & (termios.ICANON | termios.ECHO | termios.ISIG) == 0, raw)
    terminal.resize(40, 100)
    terminal.process.send_signal(signal.SIGWINCH)
    time.sleep(0.3)
    terminal.type("hello\r")
    conclude(f"{name}: what is typed reaches the program", terminal.expect("got hello"), terminal.text)
    conclude(f"{name}: a change of the window's size reaches the program", terminal.expect("40 100"), terminal.text)
    conclude(f"{name}: on a terminal the exit status is passed on too", terminal.end() == 6, terminal.text)
    conclude(f"{name}: the terminal is as it was before", termios.tcgetattr(terminal.slave) == terminal.before)
    terminal.close()

    terminal = Terminal("run", *how, "--", "sh", "-c", "echo ready; exec sleep 60")
    terminal.expect("ready")
    terminal.type("\x03")
    conclude(f"{name}: Control-C interrupts the program", terminal.end() == 130, terminal.text)
    conclude(f"{name}: and the terminal is restored", termios.tcgetattr(terminal.slave) == terminal.before)
    terminal.close()

    terminal = Terminal("run", *how, "--", "sh", "-c", "echo ready; exec sleep 60")
    terminal.expect("ready")
    terminal.process.send_signal(signal.SIGABRT)
    terminal.end()
    conclude(f"{name}: even when the command dies of SIGABRT", termios.tcgetattr(terminal.slave) == terminal.before)
    terminal.close()

    terminal = Terminal("run", *how, "--", "sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done")
    whole = terminal.expect("line 2999")
    lines = re.findall(r"line (\d+)", terminal.text)
    conclude(f"{name}: nothing that was written last is lost", whole and lines == [str(i) for i in range(3000)], terminal.text[-80:])
    terminal.end()
    terminal.close()


def told(folder: Path) -> None:
    info = folder / "info.json"
    got = run("sh", "-c", "sleep 0.2; exit 3", options=["--report", "--json-info", str(info), "--cpus", "0.5", "--pids", "20"])
    facts = json.loads(info.read_text())
    conclude("--json-info tells what the shard was and how it ended",
             facts["exit"]["status"] == 3 and facts["shard"]["options"]["limits"]["pids_max"] == 20
             and facts["exit_status"] == 3, facts)
    conclude("--report shows limits, namespaces, seccomp and the time to start",
             all(re.search(rf"^{word} ", got.stderr, re.MULTILINE) for word in ("cpu", "pids", "namespaces", "seccomp", "time to start")),
             got.stderr)
    conclude("the shard has every namespace of its own", "mnt pid net ipc uts cgroup" in facts.get("namespaces", ""), facts)
    nobody = call("run", "--socket", str(folder / "nobody"), "--", "true")
    conclude("without a supervisor the sentence says how to get one",
             nobody.returncode == 125 and f"no supervisor listens at '{folder}/nobody': start one with" in nobody.stderr, nobody)


def seccomp_file(folder: Path) -> None:
    profile = folder / "profile.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], '
                       '"action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}')
    got = run("sh", "-c", "mkdir /tmp/x || exit 3", options=["--seccomp", str(profile)])
    conclude("--seccomp FILE is the filter of an embedded run", got.returncode == 3, got)
    profile.write_text("{")
    got = run("true", options=["--seccomp", str(profile)])
    conclude("a broken one is refused with one sentence that names it",
             got.returncode == 125 and got.stderr.count("\n") == 1 and str(profile) in got.stderr, got)
    got = run("grep", "CapEff", "/proc/self/status", options=["--cap", "net_raw"])
    conclude("--cap grants that capability and no other", got.stdout.split() == ["CapEff:", "0000000000002000"], got)


def settings(folder: Path) -> None:
    bad = folder / "bad.toml"
    bad.write_text("[supervisor]\ntick_sm = 5\n")
    sentence = f"shardrun: {bad}:2: supervisor.tick_sm: is no key (did you mean 'tick_ms'?)\n"
    got = call("serve", "--check", "--config", str(bad))
    conclude("serve --check refuses a wrong file with one sentence", (got.returncode, got.stderr) == (1, sentence), got)
    got = call("serve", "--config", str(bad))
    conclude("serve does not start with it", (got.returncode, got.stderr) == (1, sentence), got)
    got = run("true", options=["--config", str(bad)])
    conclude("nor does an embedded supervisor", (got.returncode, got.stderr) == (125, sentence), got)
    printed = call("serve", "--print-config", "--best-effort").stdout
    again = folder / "again.toml"
    again.write_text(printed)
    conclude("--print-config prints what can be read again",
             call("serve", "--print-config", "--config", str(again)).stdout == printed and 'controllers = "best-effort"' in printed)


class Supervisor:
    """`shardrun serve` with a socket of its own."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "serve.sock"
        self.config = folder / "serve.toml"
        self.write("")
        self.log = (folder / "serve.log").open("w+")
        self.process = subprocess.Popen([SHARDRUN, "serve", "--config", str(self.config)], stderr=self.log)
        until(self.socket.exists, "the supervisor listens")
        self.how = ["--socket", str(self.socket)]

    def write(self, more: str) -> None:
        self.config.write_text(f'[socket]\npath = "{self.socket}"\n{OWN_PLACE}{more}')

    def said(self) -> str:
        return Path(self.log.name).read_text()

    def call(self, command: str, *words: str) -> subprocess.CompletedProcess:
        return call(command, *self.how, *words)

    def shards(self) -> list[dict]:
        return [row for row in json.loads(self.call("ls", "--json").stdout) if row["programs"]]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT)


def served(supervisor: Supervisor) -> None:
    process = start(supervisor.how, "echo ready; exec sleep 60", "--hostname", "web-1")
    rows = supervisor.shards()
    conclude("ls shows the shard and its program", len(rows) == 1 and rows[0]["programs"][0]["argv0"] == "sh", rows)
    shard = str(rows[0]["shard"])
    tabs = supervisor.call("ls").stdout.splitlines()[0].split("\t")
    conclude("a listing for programs has tabs and no heading", tabs[:2] == [shard, "active"], tabs)
    conclude("inspect tells what it is", "host name\tweb-1" in supervisor.call("inspect", shard).stdout)
    conclude("stats tells what it uses", json.loads(supervisor.call("stats", "--json", shard).stdout)[0]["shard"] == int(shard))
    beside = supervisor.call("exec", shard, "--", "sh", "-c", "hostname; exit 9")
    conclude("exec runs a program beside it", (beside.returncode, beside.stdout) == (9, "web-1\n"), beside)
    conclude("and the shard goes on", process.poll() is None and len(supervisor.shards()) == 1)

    watcher = subprocess.Popen([SHARDRUN, "events", *supervisor.how, "--follow", "--json"], stdout=subprocess.PIPE, text=True)
    first = json.loads(watcher.stdout.readline())
    conclude("events begins with the shards there are", (first["kind"], first["shard"]) == ("listed", int(shard)), first)
    supervisor.call("kill", "--signal", "TERM", shard)
    conclude("kill reaches the program", process.wait(WAIT) == 143, process.returncode)
    kinds = []
    while "reclaimed" not in kinds:
        kinds.append(json.loads(watcher.stdout.readline())["kind"])
    conclude("events --follow tells its end", "exited" in kinds, kinds)
    watcher.kill()
    watcher.wait()

    process = start(supervisor.how, "trap '' TERM; echo ready; while :; do sleep 1; done")
    shard = str(supervisor.shards()[0]["shard"])
    released = supervisor.call("release", shard)
    conclude("release ends even what does not want to", released.returncode == 0 and not supervisor.shards(), released)
    conclude("and its client learns of it", process.wait(WAIT) in (125, 137), process.returncode)
    for words in (("inspect", "999"), ("kill", "999"), ("release", "999"), ("stats", "999")):
        got = supervisor.call(*words)
        conclude(f"{words[0]} of a shard that is not there fails with a sentence",
                 got.returncode == 1 and got.stderr.startswith("shardrun: shard 999: ") and got.stderr.count("\n") == 1, got)


def reloaded(supervisor: Supervisor) -> None:
    supervisor.write('hostname = "-"\n')
    supervisor.process.send_signal(signal.SIGHUP)
    until(lambda: "is not a host name" in supervisor.said(), "the refusal")
    conclude("a wrong file on SIGHUP is refused with its line, and the old settings stay",
             "serve.toml:8: shard.hostname: '-' is not a host name" in supervisor.said()
             and run("hostname", how=supervisor.how).stdout == "shard\n", supervisor.said())
    supervisor.write('hostname = "fresh"\n')
    supervisor.process.send_signal(signal.SIGHUP)
    until(lambda: "loaded again" in supervisor.said(), "the reload")
    got = run("hostname", how=supervisor.how)
    conclude("a right file on SIGHUP holds for new shards", got.stdout == "fresh\n", got)


def leftovers() -> set[str]:
    """Our cgroups, and processes of our shards' uids."""
    left = {str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{CGROUP}")}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if UID_FIRST <= path.stat().st_uid < UID_FIRST + (1 << 23):
                left.add(str(path))
        except OSError:
            continue  # It has just ended.
    return left


def main() -> int:
    if os.geteuid() != 0:
        print("needs root")
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "embedded.toml").write_text(OWN_PLACE)
        EMBEDDED.extend(["--config", str(folder / "embedded.toml")])
        for test in (exit_statuses, streams, processors, signals, job_control, on_terminal):
            test(EMBEDDED, "embedded")
        told(folder)
        seccomp_file(folder)
        settings(folder)
        supervisor = Supervisor(folder)
        for test in (exit_statuses, streams, processors, signals, job_control, on_terminal):
            test(supervisor.how, "served")
        served(supervisor)
        reloaded(supervisor)
        conclude("SIGTERM ends the supervisor in order", supervisor.end() == 0, supervisor.said())
        conclude("and its socket is gone", not supervisor.socket.exists())
    left = leftovers()
    conclude("nothing is left of any shard", not left, left)
    return claims.status


if __name__ == "__main__":
    sys.exit(main())
