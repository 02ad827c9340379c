"""What can't be written is its feed's trouble alone."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from amqp_client.messages import Publication

from aviso.events.batches import Batch, write_batches
from aviso.events.rendering import EventRow
from aviso.outbox.states import FeedState, Opening
from aviso.relay import sending as sending_module
from aviso.relay.lanes import Lanes
from aviso.relay.sending import Sending


class FakePublishing:
    def __init__(self) -> None:
        self.sent: list[str | None] = []

    def may_publish(self) -> bool:
        return True

    def publish(self, publication: Publication) -> bool:
        self.sent.append(publication.message_id)
        return True


def make_event(feed: str) -> EventRow:
    return EventRow(
        id=uuid.uuid4(),
        feed=feed,
        type="created",
        subject="1",
        reader=None,
        data="{}",
        time=datetime.now(UTC),
        sequence=1,
    )


def write_but_for_one(events: list[EventRow], *rest: Any) -> Iterator[Batch]:
    if events[0].feed == "bad":
        raise ValueError("it can't be written")
    return write_batches(events, *rest)


def test_a_feed_whose_events_cannot_be_written_waits_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending_module, "write_batches", write_but_for_one)
    runs = (f"run-{n}" for n in itertools.count())
    lanes, publishing = Lanes(lambda: next(runs)), FakePublishing()
    nothing = cast("Any", None)
    sending = Sending(lanes, nothing, cast("Any", publishing), nothing)

    for feed in ("bad", "good"):
        state = FeedState(
            feed=feed,
            opening=Opening("e001", "public"),
            is_announced=True,
            published=0,
            head=1,
            pruned=0,
            begun=0,
        )
        asyncio.run(sending.send_new(state, [make_event(feed)]))

    assert ["good:e001:1-1"] == publishing.sent
    bad = lanes.get("bad")
    assert bad is not None
    assert bad.resumes_at > 0, "it is tried again, later"
