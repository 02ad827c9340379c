"""Work on a thread of its own beside a block: it ends, and its failure is heard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .waiting import ALIVE_S


@contextmanager
def beside(
    work: Callable[[threading.Event], object], end_s: float = ALIVE_S
) -> Iterator[None]:
    """Run `work`; the event that it gets is set when the block ends.

    Raises what `work` raised, and AssertionError if it runs `end_s` after the block.
    """
    ended, failures = threading.Event(), []

    def run() -> None:
        try:
            work(ended)
        except BaseException as error:  # shown where the block ends
            failures.append(error)

    # A daemon: one that hangs must not keep the tests from ending.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(end_s)
        if failures:
            raise failures[0]
        assert not thread.is_alive(), (
            f"{work.__qualname__} runs {end_s:g} s after it was to end"
        )
