"""`python3 -m aviso_native run`, or `stop|start|restart PART` for a running stack."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from . import control, settings
from .errors import StackError
from .stack import Stack, tell_on_stderr


class _Ended(BaseException):
    """SIGINT or SIGTERM came; not an Exception, so that nothing swallows it."""


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case [] | ["run"]:
                with settings.claim(settings.find_run_dir(dict(os.environ))):
                    return run()
            case [("stop" | "start" | "restart") as action, part]:
                control.ask(settings.find_run_dir(dict(os.environ)), action, part)
                return 0
    except StackError as error:
        tell_on_stderr(f"error: {error}")
        return 1
    tell_on_stderr("usage: aviso_native run | stop PART | start PART | restart PART")
    return 2


def run() -> int:
    """Run the stack until SIGINT or SIGTERM."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _end)
    stack = Stack(settings.load(dict(os.environ)), tell_on_stderr)
    commands = None
    try:
        stack.start()
        commands = control.Control(stack)
        print(_welcome(stack), flush=True)
        while True:
            commands.answer(timeout_s=0.2)
            stack.watch()
    except _Ended:
        tell_on_stderr("stopping …")
        return 0
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        if commands:
            commands.close()
        stack.stop()


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise _Ended


def _welcome(stack: Stack) -> str:
    facts = stack.facts()
    url, key = facts["url"], facts["api_key"]
    return f"""
Aviso is running.

  The page   {url}/
  The API    {url}/api/docs/
  A key      {key}

Write a record, and watch it appear on the page:

  curl -s {url}/api/v1/feeds/demo/records/ \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"data": {{"greeting": "hello", "from": "curl"}}}}'

Or real data, at a rate one can watch: make demo
Ctrl-C stops everything; the data stays in {stack.settings.run_dir}.
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
