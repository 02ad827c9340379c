"""`python3 -m aviso_native run`, or for a running stack what `_USAGE` lists."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from . import control, services, settings
from .errors import StackError
from .stack import Stack, tell_on_stderr

_USAGE = "usage: aviso_native run | stop PART | start PART | restart PART | manage …"


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
            case ["manage", *command]:
                running = settings.load_running(dict(os.environ))
                return services.manage_at_terminal(running, command)
    except StackError as error:
        tell_on_stderr(f"error: {error}")
        return 1
    tell_on_stderr(_USAGE)
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
{_own_table(stack)}
Or real data, at a rate one can watch: make demo
Ctrl-C stops everything; the data stays in {stack.settings.run_dir}.
"""


def _own_table(stack: Stack) -> str:
    if stack.settings.given_database_url is None:
        return ""
    return """
Or make a feed of a table of yours, as its owner, and change a row:

  SELECT aviso.track('public.orders', 'orders', '{id,status}', visibility => 'public');
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
