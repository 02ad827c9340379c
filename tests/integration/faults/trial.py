"""One feed under load while something is broken: written to, watched, and judged.

Every record has an id made here, so that an answer that never came leaves nothing
unknown: what is attempted may be there, what is acknowledged must be.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

import psycopg

from ..api import Api
from ..archive import Batch, archived_batches, events_of
from ..beside import beside
from ..chat import Chat
from ..database import Database
from ..page import FeedPage
from ..waiting import until
from .report import Report, judge

_AGAIN_AFTER_S = 0.2
_GIVE_UP_S = 120.0


class Trial:
    """`attempted` and `acknowledged` are record ids, in the order of the answers.

    Whoever writes at the same time is another writer: between the records of two no
    order is owed. A thread is a writer.

    `tries` counts requests: more than there are records, if some had to come again.
    """

    def __init__(
        self,
        stack_url: str,
        key: str,
        xmpp: dict[str, Any],
        database: Database,
        feed: str,
        page: FeedPage | None,
    ) -> None:
        self.feed = feed
        self.page = page
        self.database = database
        self.attempted: list[str] = []
        self.acknowledged: list[str] = []
        self.orders: defaultdict[int, list[str]] = defaultdict(list)
        """What was acknowledged to each thread."""
        self.slowest_answer_s = 0.0
        self.tries = 0
        self.inserted_per_s = 0.0
        self._xmpp = xmpp
        self._api = Api(stack_url, key)
        self._room = self._api.get(f"feeds/{feed}/")["room"]

    @property
    def watched(self) -> FeedPage:
        """The page, which is there unless the trial was made without."""
        assert self.page is not None
        return self.page

    def acknowledge(self, *ids: str) -> None:
        """Note that this thread was told that its records are written."""
        self.acknowledged += ids
        self.orders[threading.get_ident()] += ids

    def post(self, count: int = 1) -> None:
        """Write records over REST, one a request, each tried until it is answered."""
        for _ in range(count):
            self._post_one()

    def post_data(self, data: object) -> None:
        """Write one record that holds just this."""
        self._post_one(data)

    def insert(self, count: int) -> None:
        """Write records in one SQL transaction; `n` counts all of the trial's."""
        with self.database.transaction() as connection:
            ids = self._insert(connection, count)
        self.acknowledge(*ids)

    @contextmanager
    def inserting(self, rate: float) -> Iterator[None]:
        """Insert `rate` records a second all the while, by the clock.

        Each in a transaction; what is overdue, where the database was slow, in one.
        `inserted_per_s` is what it came to in the end.
        """

        def write(ended: threading.Event) -> None:
            started = time.monotonic()
            done = 0
            with self.database.transaction() as connection:
                connection.autocommit = True
                while not ended.wait(1 / rate):
                    due = int(rate * (time.monotonic() - started)) - done
                    if due > 0:
                        self.acknowledge(*self._insert(connection, due))
                    done += due
            self.inserted_per_s = done / (time.monotonic() - started)

        with beside(write):
            yield

    @contextmanager
    def writing(
        self, rate: float, write_some: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Write all the while, `rate` times a second at most: a record over REST each
        time, or what `write_some` writes.
        """
        write_once = write_some or self._post_one

        def write(ended: threading.Event) -> None:
            while not ended.wait(1 / rate):
                write_once()

        with beside(write, _GIVE_UP_S + 60):
            yield

    def _insert(self, connection: psycopg.Connection[Any], count: int) -> list[str]:
        ids = [str(uuid.uuid4()) for _ in range(count)]
        before = len(self.attempted)
        self.attempted += ids
        connection.execute(
            "INSERT INTO records (id, feed, data) SELECT id::uuid, %s,"
            " jsonb_build_object('n', %s + n) FROM unnest(%s::text[]) WITH ORDINALITY"
            " AS t(id, n) ORDER BY n",
            [self.feed, before, ids],
        )
        return ids

    def settle(self, timeout_s: float = 90) -> Report:
        """Wait until both observers are through, and count what they saw.

        They are waited for by number alone: which records, and in what order, is for
        the report to say. A number that never comes is a loss in the report too.
        """
        head = self.wait_for_head(timeout_s)
        deadline = time.monotonic() + timeout_s
        with Chat(self._xmpp) as observer:
            batches = self._read_archive(observer, head, deadline)
        rows = None
        if self.page is not None:
            page = self.page
            deadline += timeout_s
            _wait(lambda: page.position >= head, deadline)
            _wait(lambda: len(page.rows()) >= len(set(self.acknowledged)), deadline)
            rows = page.rows()
        return judge(
            self.attempted,
            self.acknowledged,
            batches,
            rows,
            orders=list(self.orders.values()),
        )

    def archived_events(self) -> list[dict[str, Any]]:
        """Every event in the room's archive, whole, in its order."""
        with Chat(self._xmpp) as observer:
            return events_of(archived_batches(observer, self._room))

    def close(self) -> None:
        self._api.close()

    def wait_for_head(self, timeout_s: float) -> int:
        """Return the feed's newest sequence, once all is known to be archived."""

        until(
            lambda: self.count_unpublished() == 0,
            f"the outbox of {self.feed} to be empty",
            timeout_s,
        )
        head: int = self.database.value(
            "SELECT sequence FROM feed_heads WHERE feed = %s", [self.feed]
        )
        return head

    def count_unpublished(self) -> int:
        """How many of the feed's events are not known to be archived yet."""
        count: int = self.database.value(
            "SELECT sequence - published + ("
            "SELECT coalesce(sum(size), 0) FROM queue WHERE queue.feed = heads.feed)"
            " FROM feed_heads AS heads WHERE feed = %s",
            [self.feed],
        )
        return count

    def _read_archive(self, chat: Chat, head: int, deadline: float) -> list[Batch]:
        while True:
            batches = archived_batches(chat, self._room)
            reached = max((batch.last for batch in batches), default=0)
            if reached >= head or time.monotonic() > deadline:
                return batches
            time.sleep(0.25)

    def _post_one(self, data: object = None) -> None:
        record = str(uuid.uuid4())
        self.attempted.append(record)
        body = {"id": record, "data": data or {"n": len(self.attempted)}}
        started = time.monotonic()
        while not self._is_taken(body):
            assert time.monotonic() < started + _GIVE_UP_S, "no answer to a write"
            time.sleep(_AGAIN_AFTER_S)
        self.slowest_answer_s = max(self.slowest_answer_s, time.monotonic() - started)
        self.acknowledge(record)

    def _is_taken(self, body: dict[str, object]) -> bool:
        """Try once; an answer that is the server's fault, or none, is tried again."""
        self.tries += 1
        path = f"feeds/{self.feed}/records/"
        key = {"Idempotency-Key": str(body["id"])}
        try:
            answer = self._api.call("POST", path, body, headers=key)
        except (OSError, HTTPException):
            self._api.close()
            return False
        assert answer.status == 201 or answer.status >= 500, answer.body
        return answer.status == 201


def _wait(question: Callable[[], bool], deadline: float) -> None:
    while not question() and time.monotonic() < deadline:
        time.sleep(0.1)
