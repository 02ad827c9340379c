"""A stack as `make run` starts it, and what the tests do to it.

The one module that knows processes: pids, signals, what is left behind.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from .waiting import until

REPOSITORY = Path(__file__).resolve().parents[2]
NATIVE = REPOSITORY / "deploy/native"
# The virtual environment that runs the tests has all that the services need.
PYTHON = Path(sys.executable)

sys.path.insert(0, str(NATIVE))

from aviso_native import control, ejabberd, services  # noqa: E402 # found on the path just set
from aviso_native.addresses import find_free_port, is_free  # noqa: E402
from aviso_native.settings import Settings  # noqa: E402

START_TIMEOUT_S = 150.0
# Each part has 15 s or 30 s to end in order, and is ended then.
STOP_TIMEOUT_S = 180.0
_PR_SET_PDEATHSIG = 1
PARTS = (
    "postgres",
    "rabbitmq",
    "ejabberd",
    "records-api",
    "relay",
    "pusher",
    "web",
    "gateway",
)


class Stack:
    """One stack in its own run directory, on its own ports."""

    def __init__(self, run_dir: Path, port: int | None = None) -> None:
        self.run_dir = run_dir
        self.port = port or find_free_port()
        self._runner: subprocess.Popen[bytes] | None = None
        self._seen: set[tuple[int, str]] = set()

    def start(self, **environ: str) -> None:
        """Start it as `make run` does and wait until everything serves."""
        log = self.run_dir / "runner.log"
        with log.open("ab") as out:
            self._runner = subprocess.Popen(
                ["python3", "-m", "aviso_native", "run"],
                cwd=REPOSITORY,
                env=self._environ() | {"AVISO_PORT": str(self.port), **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at pytest is for pytest alone
                preexec_fn=_end_with_parent,
            )
        runner = self._runner
        facts = self.run_dir / "stack.json"
        # Those of a stack that runs there already are not ours.
        before = facts.stat().st_ino if facts.exists() else None

        def is_up() -> bool:
            if runner.poll() is not None:
                raise AssertionError(
                    f"the stack ended with {runner.returncode}\n{log.read_text()}"
                )
            return facts.exists() and facts.stat().st_ino != before

        until(is_up, f"the stack in {self.run_dir}", START_TIMEOUT_S)

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.run_dir / "stack.json").read_text())
        return facts

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def settings(self) -> Settings:
        """The stack's ports and secrets, read without changing them."""
        return Settings(
            run_dir=self.run_dir,
            port=self.port,
            ports=json.loads((self.run_dir / "ports.json").read_text()),
            secrets=json.loads((self.run_dir / "secrets.json").read_text()),
            python=PYTHON,
        )

    @property
    def ejabberd_database_url(self) -> str:
        """Where accounts, rooms and the archive are, as ejabberd's own role."""
        settings = self.settings
        return (
            f"postgresql://ejabberd:{settings.secrets['ejabberd_database']}"
            f"@127.0.0.1:{settings.ports['postgres']}/ejabberd"
        )

    def pid(self, part: str) -> int | None:
        pid: int | None = self.facts["pids"][part]
        return pid

    def stop_part(self, part: str) -> None:
        control.ask(self.run_dir, "stop", part)

    def start_part(self, part: str) -> None:
        control.ask(self.run_dir, "start", part)

    def kill_part(self, part: str) -> int:
        """SIGKILL a part; return the pid that it had. The stack brings it back."""
        pid = until(lambda: self.pid(part), f"{part} to run", 60)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_for_another(self, part: str, old_pid: int) -> int:
        """Wait until a part runs under another pid, and return that."""
        return until(
            lambda: (pid := self.pid(part)) != old_pid and pid,
            f"{part} to come back after pid {old_pid} was killed",
            60,
        )

    def bring_back(self, part: str, old_pid: int) -> int:
        """Start a killed part again now, wait until it serves, return its new pid.

        For who kills one many times: the stack waits longer after each death.
        """
        until(lambda: self.pid(part) != old_pid, f"the stack to miss {part}")
        self.start_part(part)
        return self.wait_for_another(part, old_pid)

    def manage_at_terminal(self, *arguments: str) -> str:
        """Run such a command as `make manage` does; return what it printed."""
        return subprocess.run(
            ["python3", "-m", "aviso_native", "manage", *arguments],
            cwd=REPOSITORY,
            env=self._environ(),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def _environ(self) -> dict[str, str]:
        return _without_aviso(os.environ) | {
            "PYTHONPATH": str(NATIVE),
            "AVISO_PYTHON": str(PYTHON),
            "AVISO_RUN_DIR": str(self.run_dir),
        }

    def manage(self, *arguments: str, text: str = "", **environ: str) -> str:
        """Run one of records-api's management commands; return what it printed."""
        done = subprocess.run(
            [str(PYTHON), "manage.py", *arguments],
            cwd=REPOSITORY / "services/records-api",
            env=services.api_env(self.settings) | environ,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def ask_ejabberd(self, command: str, arguments: dict[str, Any]) -> Any:
        """Run a command of ejabberd's own API, as an administrator on this machine."""
        return ejabberd.call(self.settings, command, arguments)

    def log_ends(self, lines: int = 40) -> list[tuple[str, str]]:
        """The last lines of every log, by its name."""
        files = [self.run_dir / "runner.log", *sorted(self.run_dir.glob("log/*.log"))]
        return [
            (file.name, "\n".join(_last_lines(file, lines)))
            for file in files
            if file.exists() and file.stat().st_size
        ]

    def interrupt(self, sent: signal.Signals = signal.SIGINT) -> int:
        """Do what Ctrl-C does; return the runner's exit code."""
        runner = self._runner
        assert runner is not None
        if runner.poll() is None:
            self._seen |= _descendants(runner.pid)
            runner.send_signal(sent)
        code = runner.wait(STOP_TIMEOUT_S)
        self._runner = None
        return code

    def interrupt_if_running(self, sent: signal.Signals = signal.SIGINT) -> None:
        if self._runner is not None:
            self.interrupt(sent)

    def leftovers(self) -> list[str]:
        """What is still there of a stack that has ended: processes and ports.

        What was killed at the end takes a moment to die, more on a busy machine.
        """
        with suppress(AssertionError):
            until(lambda: not self._still_there(), "all of it to end")
        return self._still_there()

    def _still_there(self) -> list[str]:
        alive = [
            f"process {pid}: {_command_line(pid)}"
            for pid, started in self._seen
            if _start_time(pid) == started
        ]
        named = [
            f"process {pid}: {_command_line(pid)}"
            for pid in _all_pids()
            if str(self.run_dir) in _command_line(pid)
        ]
        ports = {"gateway": self.port, **self.settings.ports}
        taken = [
            f"port {port} ({name})" for name, port in ports.items() if not is_free(port)
        ]
        return alive + named + taken


def _end_with_parent() -> None:
    """Have the kernel end the runner in order should pytest itself be killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _without_aviso(environ: os._Environ[str]) -> dict[str, str]:
    return {k: v for k, v in environ.items() if not k.startswith("AVISO_")}


def _last_lines(file: Path, lines: int) -> list[str]:
    text = file.read_text(errors="replace")
    return [line[:300] for line in text.splitlines()[-lines:]]


def _all_pids() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]


def descendants(pid: int) -> list[int]:
    """Every process below `pid`."""
    return [each for each, _ in _descendants(pid) if each != pid]


def _descendants(pid: int) -> set[tuple[int, str]]:
    """Every process below `pid`, each with its start time: pids are used again."""
    children: dict[int, list[int]] = {}
    for each in _all_pids():
        children.setdefault(_parent(each), []).append(each)
    found, ahead = set(), [pid]
    while ahead:
        each = ahead.pop()
        if started := _start_time(each):  # else it has ended since it was listed
            found.add((each, started))
        ahead += children.get(each, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command; empty when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if fields[0] == "Z" else fields


def _parent(pid: int) -> int:
    return int(fields[1]) if (fields := _stat(pid)) else 0


def _start_time(pid: int) -> str:
    return fields[19] if (fields := _stat(pid)) else ""


def _command_line(pid: int) -> str:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace")
