"""One part of the stack as a child process: start, watch, stop.

The kernel ends a child when its supervisor dies (PR_SET_PDEATHSIG), so that a
killed `make run` leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import NotReady

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Command:
    """How a part is started.

    `stop_signal` asks it to end in order; `stop_timeout_s` is how long it may
    take before it is killed. `death_signal` is what the kernel sends it when the
    supervisor has died.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 15.0
    death_signal: signal.Signals = signal.SIGTERM


@dataclass
class Part:
    """A part of the stack, by the name that stands in `stack.json`.

    `is_ready` answers whether it serves; it is asked until it does.
    """

    name: str
    command: Callable[[], Command]
    is_ready: Callable[[], bool]
    log: Path
    ready_timeout_s: float = 60.0
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process; `wait_ready` says when it serves."""
        self._end_group()
        command = self.command()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(command.argv),
                env=dict(command.env),
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches the supervisor alone, which
                # then ends the parts in their order.
                start_new_session=True,
                preexec_fn=_end_with_parent(command.death_signal),
            )

    def wait_ready(self) -> None:
        """Wait until it serves.

        Raises NotReady, with the end of its log, when it ends or takes too long.
        """
        deadline = time.monotonic() + self.ready_timeout_s
        while True:
            if not self.is_alive():
                code = self.process.returncode if self.process else None
                raise NotReady(f"{self.name} ended with {code}\n{self._log_end()}")
            if self.is_ready():
                return
            if time.monotonic() > deadline:
                raise NotReady(
                    f"{self.name} was not ready after {self.ready_timeout_s:g} s"
                    f"\n{self._log_end()}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """End the process in order, or by force after its time; wait for it."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        command = self.command()
        process.send_signal(command.stop_signal)
        try:
            process.wait(command.stop_timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._end_group()

    def _end_group(self) -> None:
        """End what a process left behind: gunicorn's workers would keep its port."""
        if self.process is not None and not self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def _log_end(self, lines: int = 15) -> str:
        if not self.log.exists():
            return ""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"--- the end of {self.log}", *text])


def _end_with_parent(sent: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def set_signal() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(sent))
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return set_signal


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    cwd: Path | None = None,
    text: str | None = None,
    timeout_s: float = 120,
) -> str:
    """Run a program to its end and return what it printed.

    Raises NotReady with its output when it fails.
    """
    done = subprocess.run(
        list(argv),
        env=dict(env),
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=None if text is not None else subprocess.DEVNULL,
    )
    if done.returncode:
        raise NotReady(
            f"{' '.join(argv[:4])} … failed with {done.returncode}\n"
            f"{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    return done.stdout
