"""The same faults against Aviso and a peer, counted by the same judge.

Writes go on at a rate while one thing is broken and comes back; the page that the
system itself serves is read at the end, in Chromium. One table says what became of
the writes that were answered with "created".
"""

from __future__ import annotations

import argparse
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from ..integration import chromium
from ..integration.faults.report import Report, judge_lists
from ..integration.wire import Wire
from .aviso_system import Aviso
from .channels_system import Channels
from .system import Break, System

RATE = 40
BEFORE_S = AFTER_S = 2.0
BROKEN_S = 3.0
_GIVE_UP_S = 60.0
_QUIET_S = 5.0

FAULTS = {
    "nothing broken": "",
    "subscriber offline for 3 s": "wire",
    "broker killed": "broker",
    "subscribers' server killed": "push",
    "writers' server killed": "web",
}


class Writer:
    """Writes one record after the other, each tried until it is accepted."""

    def __init__(self, system: System) -> None:
        self.attempted: list[str] = []
        self.acknowledged: list[str] = []
        self._system = system
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def writing(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._thread.join(_GIVE_UP_S)

    def _run(self) -> None:
        while not self._ended.wait(1 / RATE):
            record = str(uuid.uuid4())
            self.attempted.append(record)
            deadline = time.monotonic() + _GIVE_UP_S
            while not self._system.write(record):
                if time.monotonic() > deadline:
                    return
                time.sleep(0.2)
            self.acknowledged.append(record)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make compare", description=__doc__)
    parser.add_argument("--fault", choices=FAULTS, help="this one alone")
    chosen = parser.parse_args().fault
    faults = {k: v for k, v in FAULTS.items() if chosen in (None, k)}
    results: list[tuple[str, str, Report]] = []
    systems: list[System] = [Aviso(), Channels()]
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for system in systems:
            print(f"{system.name} …", flush=True)
            system.start()
            try:
                for fault, broken in faults.items():
                    report = try_fault(system, broken, browser)
                    results.append((fault, system.name, report))
            finally:
                system.stop()
        browser.close()
    print_table(results)


def try_fault(system: System, broken: str, browser: Browser) -> Report:
    wire = Wire()
    context = browser.new_context(proxy={"server": wire.url})
    tab = context.new_page()
    system.begin()
    system.subscribe(tab)
    writer = Writer(system)
    breaks: dict[str, Break] = {**system.breaks, "wire": lambda: cut(wire)}
    with writer.writing():
        time.sleep(BEFORE_S)
        if broken:
            with breaks[broken]():
                time.sleep(BROKEN_S)
        time.sleep(AFTER_S)
    wait_for_quiet(lambda: len(system.shown(tab)), len(writer.acknowledged))
    shown = system.shown(tab)
    context.close()
    wire.close()
    return judge_lists(
        writer.attempted, writer.acknowledged, archived=None, shown=shown
    )


@contextmanager
def cut(wire: Wire) -> Iterator[None]:
    wire.cut()
    yield
    wire.mend()


def wait_for_quiet(count: Callable[[], int], enough: int) -> None:
    """Wait until all is shown, or nothing more has come for a while."""
    last, since = -1, time.monotonic()
    while (now := count()) < enough and time.monotonic() < since + _QUIET_S * 4:
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.1)


def print_table(results: list[tuple[str, str, Report]]) -> None:
    print()
    columns = ("acknowledged", "shown", "lost", "duplicated", "unexpected", "reordered")
    print(f"{'fault':<28}{'system':<25}" + "".join(f"{c:>13}" for c in columns))
    for fault, system, report in sorted(
        results, key=lambda r: list(FAULTS).index(r[0])
    ):
        values = "".join(f"{getattr(report, c):>13}" for c in columns)
        print(f"{fault:<28}{system:<25}{values}")


if __name__ == "__main__":
    main()
