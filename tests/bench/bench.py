"""What a case works with: a stack of its own, how much of it, and what it finds."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aviso_native.settings import Settings

from ..integration.api import Api
from ..integration.database import Database
from ..integration.running import Stack
from .goals import Goal


@dataclass
class Bench:
    """A running stack; `figures` and `goals` are what a case leaves.

    `seconds` is how long a rate or a latency is looked at. `is_full` asks for the sizes
    of the table in docs/performance.md instead of smaller ones.
    """

    stack: Stack
    seconds: int
    is_full: bool
    figures: dict[str, float] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.stack.settings

    @property
    def key(self) -> str:
        return str(self.stack.facts["api_key"])

    @property
    def api(self) -> Api:
        return Api(self.stack.url, self.key)

    @property
    def database(self) -> Database:
        return Database(self.stack.facts["database_url"])

    @property
    def ejabberd_database(self) -> Database:
        return Database(self.stack.ejabberd_database_url)

    def choose(self, usual: int, full: int) -> int:
        return full if self.is_full else usual

    def note(self, name: str, value: float) -> None:
        """Keep a figure, and show it at once."""
        self.figures[name] = value
        tell(f"  {name}: {value:,.2f}")


@contextmanager
def empty_beside(bench: Bench, feed: str) -> Iterator[Bench]:
    """A second stack, with an empty feed and nothing else: what is held against."""
    with fresh_stack() as stack:
        empty = Bench(stack, bench.seconds, bench.is_full)
        empty.api.create_feed(feed)
        yield empty


def tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


@contextmanager
def fresh_stack() -> Iterator[Stack]:
    """A stack in a temporary directory; nothing of it is left."""
    directory = Path(tempfile.mkdtemp(prefix="aviso-bench-"))
    directory.chmod(0o711)  # PostgreSQL runs as another user where root measures
    stack = Stack(directory)
    try:
        stack.start()
        yield stack
    finally:
        stack.interrupt_if_running()
        shutil.rmtree(directory)
