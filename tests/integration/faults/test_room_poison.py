"""Poison between good batches: parked, nothing of the feed lost, no stream closed.

It goes straight to the exchange, each time in the place of the batch that comes next,
for the database would not have taken it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from .. import broker
from ..test_parking import foreign_batch
from ..waiting import until_equal
from .experiment import Experiment
from .heads import wait_until_beyond
from .parking import parked_causes

LEVELS = 10_000
# More than a batch's text may be, and next to nothing on its way.
BOMB_BYTES = 64 * 1024 * 1024

# What the database takes into a record's text, and XML would not.
GOOD = [
    "backspace \b",
    "no character \ufffe",
    "]]></json><presence/>&amp;&#8;",
    "</stream:stream>",
    "\u2028 \u202e \U0001f600",
]


@dataclass(frozen=True)
class Place:
    """Where the next batch of a feed belongs."""

    feed: str
    epoch: str
    sequence: int

    def batch(self, **members: object) -> bytes:
        return foreign_batch(self.feed, self.epoch, self.sequence, **members)

    def text(self, text: bytes) -> bytes:
        """A batch with this as it is where a record's text stands."""
        data = json.loads(self.batch())["events"][0]["data"]
        return self.batch(data=data | {"data": {"text": "TEXT"}}).replace(b"TEXT", text)


@dataclass(frozen=True)
class Poison:
    cause: str
    make: Callable[[Place], bytes]
    kind: str = broker.BATCH
    encoding: str | None = None
    more: int = 0
    """By how many events the headers say too much."""


def edit(body: bytes, **members: object) -> bytes:
    return json.dumps(json.loads(body) | members).encode()


POISON = {
    "cut off": Poison("unreadable", lambda at: at.batch()[:-40]),
    "U+0000 itself": Poison("unreadable", lambda at: at.text(b"nul \0")),
    "U+0008 itself": Poison("unreadable", lambda at: at.text(b"backspace \x08")),
    "NaN": Poison("unreadable", lambda at: at.text(b'", "n": NaN, "m": "')),
    "nothing": Poison("unreadable", lambda at: b""),
    "not deflated": Poison("unreadable", Place.batch, encoding="deflate"),
    "deflated by half": Poison(
        "unreadable", lambda at: zlib.compress(at.batch())[:-20], encoding="deflate"
    ),
    "surrogate itself": Poison("invalid", lambda at: at.text(b"half \xed\xa0\x80")),
    "no ASCII": Poison("invalid", lambda at: at.text("café".encode())),
    "another kind": Poison("unknown-type", Place.batch, kind="aviso.batch.v9"),
    "no object": Poison("invalid", lambda at: at.batch(data="none")),
    "no events": Poison("invalid", lambda at: edit(at.batch(), events=[])),
    "another feed's": Poison(
        "invalid",
        lambda at: edit(at.batch(), feed="another", source="/feeds/another"),
    ),
    "another place": Poison("invalid", lambda at: edit(at.batch(), feedseq="7000")),
    "fewer than it says": Poison("invalid", Place.batch, more=1),
    "levels": Poison(
        "too-deep",
        lambda at: at.text(
            b'", "deep": ' + b"[" * LEVELS + b"]" * LEVELS + b', "m": "'
        ),
    ),
    "a bomb": Poison(
        "unreadable",
        lambda at: zlib.compress(at.text(b"x" * BOMB_BYTES)),
        encoding="deflate",
    ),
}


def test_good_batches_between_poison_arrive_in_order_on_one_stream(
    experiment: Experiment,
) -> None:
    stack, api, database = experiment.stack, experiment.api, experiment.database
    feed = experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()
    epoch = api.get(f"feeds/{feed}/")["epoch"]
    trial.post()
    wait_until_beyond(0, stack, feed)

    for count, poison in enumerate(POISON.values(), 1):
        sequence = len(trial.acknowledged) + 1
        broker.publish(
            stack.facts["amqp_url"],
            poison.make(Place(feed, epoch, sequence)),
            feed=feed,
            epoch=epoch,
            first=sequence,
            last=sequence + poison.more,
            kind=poison.kind,
            encoding=poison.encoding,
        )
        causes = [each.cause for each in POISON.values()][:count]
        until_equal(causes, lambda: parked_causes(stack, database, feed), "the poison")
        trial.post()
        with experiment.recovery():
            wait_until_beyond(sequence - 1, stack, feed)

    experiment.conclude(trial)
    assert pusher.metric("aviso_pusher_reconnects") == 0


def test_a_text_that_is_no_xml_arrives_as_it_was_written(
    experiment: Experiment,
) -> None:
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()

    for text in GOOD:
        trial.post_data({"text": text})

    experiment.conclude(trial)
    assert pusher.metric("aviso_pusher_reconnects") == 0
    texts = [each["data"]["data"]["text"] for each in trial.archived_events()]
    assert texts == GOOD
