"""Poison between good events: parked, its place kept, and no stream closed by it.

It goes straight to the exchange, under numbers of a feed that nobody else writes to:
the database would not have taken most of it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from .. import broker
from ..archive import archived_batches, events_of
from ..database import Database
from ..page import Row
from ..running import REPOSITORY, Stack
from ..waiting import until, until_equal
from .experiment import Experiment
from .parking import parked_causes
from .report import judge

EXAMPLES = REPOSITORY / "contracts/examples/events"
UNAVAILABLE = "aviso.record.unavailable.v1"
LEVELS = 10_000

# What stands in a record's text, as JSON is written: harmless once it is escaped.
GOOD = {
    "plain": b"text",
    "U+0000": rb"nul \u0000",
    "U+0008": rb"backspace \u0008",
    "U+FFFE": rb"no character \ufffe",
    "U+FFFE itself": "no character \ufffe".encode(),
    "lone surrogate": rb"half \ud800",
    "half a pair, the other half": rb"half \udc00",
    "markup": b"]]></json><presence/>&amp;&#8;",
}
Spoil = Callable[[bytes], bytes]
# No JSON at all: where its place is cannot be said.
UNREADABLE: dict[str, Spoil] = {
    "cut off": lambda event: event[:-40],
    "U+0000 itself": lambda event: event.replace(b"TEXT", b"nul \0"),
    "U+0008 itself": lambda event: event.replace(b"TEXT", b"backspace \x08"),
    "surrogate itself": lambda event: event.replace(b"TEXT", b"half \xed\xa0\x80"),
    "NaN": lambda event: event.replace(b'"TEXT"', b"NaN"),
    "nothing": lambda event: b"",
}
# Its place can be read, and is kept.
PLACED: dict[str, tuple[str, Spoil]] = {
    "type": ("unknown-type", lambda e: e.replace(b"created.v1", b"created.v9")),
    "schema": ("invalid", lambda e: e.replace(b'"version"', b'"virsion"')),
    "levels": (
        "too-deep",
        lambda e: e.replace(b'"TEXT"', b"[" * LEVELS + b"]" * LEVELS),
    ),
    "size": ("too-large", lambda e: e.replace(b"TEXT", b"&" * 120_000)),
}


class Writer:
    """Publishes events of a feed under ever higher numbers, and keeps the good ids."""

    def __init__(self, amqp_url: str, feed: str, epoch: str) -> None:
        self.ids: list[str] = []
        self.head = 0
        self._amqp_url = amqp_url
        self._feed = feed
        self._epoch = epoch

    def write(self, text: bytes) -> None:
        event = self.make()
        self.ids.append(json.loads(event)["subject"])
        self.publish(event.replace(b"TEXT", text))

    def make(self) -> bytes:
        """An event with the next number, and TEXT for its record's text."""
        self.head += 1
        record = str(uuid.uuid4())
        event: dict[str, Any] = json.loads(
            (EXAMPLES / "record-created.json").read_text()
        )
        event |= {
            "id": str(uuid.uuid4()),
            "source": f"/feeds/{self._feed}",
            "subject": record,
            "feed": self._feed,
            "feedepoch": self._epoch,
            "feedseq": str(self.head),
        }
        event["data"] |= {"id": record, "data": {"text": "TEXT"}}
        return json.dumps(event).encode()

    def publish(self, body: bytes) -> None:
        broker.publish(self._amqp_url, body, feed=self._feed)


@pytest.fixture
def writer(stack: Stack, database: Database, feed: str) -> Writer:
    epoch = database.value("SELECT epoch FROM feeds WHERE slug = %s", [feed])
    return Writer(stack.facts["amqp_url"], feed, epoch)


def test_good_events_between_poison_arrive_in_order_on_one_stream(
    experiment: Experiment, writer: Writer
) -> None:
    feed = experiment.feed
    pusher = experiment.make_pusher()
    page = experiment.open_page(feed)
    room = experiment.api.get(f"feeds/{feed}/")["room"]

    for text in GOOD.values():
        writer.write(text)
    for spoil in UNREADABLE.values():
        event = writer.make()
        writer.publish(spoil(event))
        writer.head -= 1
        writer.write(b"after it")
    for _, spoil in PLACED.values():
        writer.publish(spoil(writer.make()))
        writer.write(b"after it")

    causes = ["unreadable"] * len(UNREADABLE) + [cause for cause, _ in PLACED.values()]
    with experiment.recovery():
        until_equal(
            sorted(causes),
            lambda: sorted(parked_causes(experiment.stack, experiment.database, feed)),
            "the poison to be parked",
        )
    page.wait_for_position(writer.head, 30)

    def good_rows() -> list[Row]:
        return [row for row in page.rows() if row.state == "present"]

    # The rows are drawn a moment after the position is known.
    until(lambda: len(good_rows()) >= len(writer.ids), "the good records' rows")
    shown = good_rows()
    batches = archived_batches(experiment.observer, room)
    experiment.outcome.report = judge(
        writer.ids, writer.ids, batches, shown, [UNAVAILABLE]
    )
    assert experiment.outcome.report.is_clean, str(experiment.outcome.report)
    places = [
        e["data"]["cause"] for e in events_of(batches) if e["type"] == UNAVAILABLE
    ]
    assert places == [cause for cause, _ in PLACED.values()]
    assert pusher.metric("aviso_pusher_reconnects") == 0
