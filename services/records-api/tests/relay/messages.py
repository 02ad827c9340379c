"""Messages for tests of the pure parts."""

from __future__ import annotations

from aviso.relay.outgoing import Opening, Outgoing


def make_event(
    feed: str, sequence: int, *, size_bytes: int = 10, again: bool = False
) -> Outgoing:
    return Outgoing(
        feed=feed,
        event_id=f"{feed}-{sequence}",
        type="aviso.record.created.v1",
        routing_key=f"feed.{feed}.created",
        body=b"x" * size_bytes,
        epoch="e1e1",
        first=sequence,
        last=sequence,
        again=again,
    )


def make_opening(feed: str, epoch: str = "e1e1") -> Outgoing:
    return Outgoing(
        feed=feed,
        event_id=f"{feed}-{epoch}",
        type="aviso.feed.opened.v1",
        routing_key=f"feed.{feed}.opened",
        body=b"{}",
        epoch=epoch,
        opening=Opening(epoch, "public"),
    )
