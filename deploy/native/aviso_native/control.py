"""Telling a running stack to stop, start or restart one part.

A line of JSON each way over a Unix socket in the run directory, which only its
owner can enter. The socket is reached through /proc, since its path may be no
longer than 107 characters.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import StackError
from .stack import Stack

_NAME = "control.sock"
_ACTIONS = ("stop", "start", "restart")


class Control:
    """Answers requests, one at a time, when asked to."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        run_dir = stack.settings.run_dir
        (run_dir / _NAME).unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        with _short_path(run_dir) as path:
            self._socket.bind(path)
        (run_dir / _NAME).chmod(0o600)
        self._socket.listen()

    def answer(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` seconds for a request, and carry it out."""
        self._socket.settimeout(timeout_s)
        try:
            connection, _ = self._socket.accept()
        except TimeoutError:
            return
        with connection:
            connection.settimeout(5)
            try:
                line = connection.makefile("r").readline()
                connection.sendall((self._carry_out(line) + "\n").encode())
            except OSError:  # whoever asked has gone
                return

    def close(self) -> None:
        self._socket.close()
        (self._stack.settings.run_dir / _NAME).unlink(missing_ok=True)

    def _carry_out(self, line: str) -> str:
        try:
            request = json.loads(line)
            action, part = request["action"], request["part"]
        except (ValueError, KeyError, TypeError):
            return 'expected {"action": …, "part": …}'
        if action not in _ACTIONS:
            return f"action is {action!r}, expected one of {', '.join(_ACTIONS)}"
        if part not in self._stack.parts:
            names = ", ".join(self._stack.parts)
            return f"part is {part!r}, expected one of {names}"
        try:
            if action in ("stop", "restart"):
                self._stack.stop_part(part)
            if action in ("start", "restart"):
                self._stack.start_part(part)
        except StackError as error:
            return str(error)
        return "ok"


def ask(run_dir: Path, action: str, part: str, timeout_s: float = 120) -> None:
    """Have the stack of `run_dir` stop, start or restart `part`, and wait for it.

    Raises StackError when no stack runs there or it refuses.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        try:
            with _short_path(run_dir) as path:
                connection.connect(path)
            request = json.dumps({"action": action, "part": part})
            connection.sendall((request + "\n").encode())
            answer = connection.makefile("r").readline().strip()
        except OSError as error:
            raise StackError(f"no stack answers in {run_dir}: {error}") from error
    if answer != "ok":
        raise StackError(answer or "the stack ended before it answered")


@contextmanager
def _short_path(run_dir: Path) -> Iterator[str]:
    descriptor = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{_NAME}"
    finally:
        os.close(descriptor)
