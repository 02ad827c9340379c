"""Compares a feed with its log, a page at a time, and tells what is missing.

Writers go on meanwhile. What a page's look found is locked, judged again and told in
one short transaction, so that no older state is told behind a newer one, and nothing
twice. Rows that somebody is writing are not waited for while others are held: they come
last, one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg import errors

from aviso.capture.statements import SEARCHES, Search

UNKNOWN = "unknown"
BUSY = "busy"
# Each statement, and each wait for a writer.
_STATEMENT_TIMEOUT_MS = 60_000
_LOCK_TIMEOUT_MS = 10_000
_REPORT_EVERY = 100_000

# Of a feed that was inserted untold.
_MAKE_PROGRESS = """
INSERT INTO aviso.feed_progress (feed)
SELECT %(feed)s WHERE NOT EXISTS (
    SELECT FROM aviso.feed_progress WHERE feed = %(feed)s)
ON CONFLICT DO NOTHING RETURNING aviso.look_at(feed)
"""


class Recapture:
    """Of one feed. `counts` has what was told, or would be: a number a type of event.

    Also `unknown`, records that have changed since their events were pruned, which are
    told only with `tells_unknown`; and `busy`, what could not be told because somebody
    held its lock for too long.
    """

    def __init__(
        self,
        feed: str,
        *,
        is_dry_run: bool = False,
        tells_unknown: bool = False,
        report: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._feed = feed
        self._is_dry_run = is_dry_run
        self._tells_unknown = tells_unknown
        self._report = report
        self.counts: Counter[str] = Counter()

    def run(self) -> None:
        if not self._is_dry_run:
            with _limited():
                _fetch(_MAKE_PROGRESS, {"feed": self._feed})
        for search in SEARCHES:
            self._search(search)

    def _search(self, search: Search) -> None:
        looked_at = 0
        for count, kinds in self._pages(search):
            if (looked_at + count) // _REPORT_EVERY > looked_at // _REPORT_EVERY:
                self._report(f"{self._feed}: {looked_at + count} {search.name}")
            looked_at += count
            if not self._tells_unknown:
                unknown = [key for key, kind in kinds.items() if kind == UNKNOWN]
                self.counts[UNKNOWN] += len(unknown)
                for key in unknown:
                    del kinds[key]
            if self._is_dry_run:
                self.counts.update(kinds.values())
            elif kinds:
                self._tell(search, list(kinds))

    def _pages(self, search: Search) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield how many rows a page has, and of those that differ their kinds."""
        after: str | None = search.first
        while after is not None:
            values = {"feed": self._feed, "after": after, "limit": search.page_size}
            with _limited():
                ((after, count, keys, kinds),) = _fetch(search.look, values)
            yield count, dict(zip(keys, kinds, strict=True))

    def _tell(self, search: Search, keys: Sequence[str]) -> None:
        left = keys
        if search.locks_rows:
            left = sorted(set(keys) - self._tell_free(search, keys))
        elif self._tell_locked(search, keys):
            return
        for key in left:
            if not self._tell_locked(search, [key]):
                self.counts[BUSY] += 1

    def _tell_free(self, search: Search, keys: Sequence[str]) -> set[str]:
        """Tell what nobody else is writing; return the keys of it."""
        with _limited():
            values: dict[str, Any] = {"feed": self._feed, "keys": keys}
            rows = _fetch(f"{search.lock} SKIP LOCKED", values)
            values["keys"] = [key for (key,) in rows]
            self._tell_held(search, values)
        return set(values["keys"])

    def _tell_locked(self, search: Search, keys: Sequence[str]) -> bool:
        """Wait for the lock, and tell; False if it was not to be had."""
        values = {"feed": self._feed, "keys": keys}
        try:
            with _limited():
                _fetch(search.lock, values)
                self._tell_held(search, values)
        except OperationalError as exc:
            if isinstance(exc.__cause__, errors.LockNotAvailable):
                return False
            raise
        return True

    def _tell_held(self, search: Search, values: dict[str, Any]) -> None:
        told = dict(_fetch(search.tell, values))
        if told:
            # After the row in the queue: see aviso/relay/sleep.py.
            _fetch("SELECT aviso.wake_relay()", {})
        self.counts.update(told)


@contextmanager
def _limited() -> Iterator[None]:
    """Run a short transaction whose statements end in time."""
    with transaction.atomic():
        _fetch(
            "SELECT set_config('statement_timeout', %(statement)s, true),"
            " set_config('lock_timeout', %(lock)s, true)",
            {"statement": str(_STATEMENT_TIMEOUT_MS), "lock": str(_LOCK_TIMEOUT_MS)},
        )
        yield


def _fetch(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall() if cursor.description else []
