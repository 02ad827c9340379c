"""Batches in, archive in order, reports out: the plain path, read by a plain guest."""

from __future__ import annotations

import json

from real.programs import (
    Guest,
    Publisher,
    Relay,
    StartPusher,
    list_batches,
    list_places,
    make_batch,
    make_events,
    read_payload,
    wait_for_report,
)
from real.servers import Ejabberd
from real.waiting import wait_for


def expect(last: int, first: int = 1, epoch: str = "e001") -> list[tuple[str, int]]:
    return [(epoch, number) for number in range(first, last + 1)]


async def test_batches_stand_in_the_archive_in_order_and_are_reported(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher()

    opening_id = publisher.publish_opening(feed)
    for first in range(1, 301, 50):
        publisher.publish_batch(feed, first, first + 49)
    heard = wait_for_report(publisher, feed, "archived", epoch="e001", last="300")

    async with Guest(ejabberd) as guest:
        assert expect(300) == list_places(await guest.read_archive(room))
    opened = {"kind": "opened", "feed": feed, "epoch": "e001", "id": opening_id}
    assert opened in heard
    assert {"opened", "archived"} == {report["kind"] for report in heard}
    assert 300 == pusher.metric("aviso_pusher_relayed_total")
    wait_for(lambda: pusher.metric("aviso_pusher_waiting") == 0, "every ack")


async def test_a_batch_arrives_with_the_very_text_that_the_relay_wrote(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    nasty = "<&>\"' ]]> \b\u0000\ufffe \r\n é 😀 &amp; </json>"
    texts = [
        make_batch(feed, 1, make_events(feed, 1, 1, nasty=nasty)).decode(),
        make_batch(feed, 2, make_events(feed, 2, 9, nasty=nasty * 9)).decode(),
    ]
    start_pusher()

    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 1, nasty=nasty)
    publisher.publish_batch(feed, 2, 9, nasty=nasty * 9)
    wait_for_report(publisher, feed, "archived", last="9")

    async with Guest(ejabberd) as guest:
        messages = await guest.read_archive(room)
    assert texts == [read_payload(message) for message in messages]
    assert [None, True] == [
        message.find("{urn:aviso:feed:2}deflated") is not None or None
        for message in messages
    ]
    assert json.loads(texts[0]) == list_batches(messages)[0]


async def test_a_subscriber_hears_the_batch_with_the_rooms_stanza_id(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 1)
    wait_for_report(publisher, feed, "archived", last="1")

    async with Guest(ejabberd) as guest:
        await guest.join(room)
        publisher.publish_batch(feed, 2, 2)
        message = await guest.wait_heard("{jabber:client}message", f"{feed}:e001:2-2")

    stanza_id = message.find("{urn:xmpp:sid:0}stanza-id")
    assert stanza_id is not None
    assert room == stanza_id.get("by")
    assert message.find("{urn:aviso:feed:2}archived") is not None


async def test_what_does_not_follow_is_dropped_and_told_once_a_run(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 10)
    wait_for_report(publisher, feed, "archived", last="10")

    publisher.publish_batch(feed, 21, 30, run="r2")
    publisher.publish_batch(feed, 31, 40, run="r2")
    publisher.publish_batch(feed, 11, 20, run="r2")
    heard = wait_for_report(publisher, feed, "archived", last="20")

    behind = {"kind": "behind", "feed": feed, "run": "r2", "epoch": "e001"}
    assert [behind | {"last": "10"}] == [r for r in heard if r["kind"] == "behind"]
    async with Guest(ejabberd) as guest:
        assert expect(20) == list_places(await guest.read_archive(room))


async def test_a_relay_that_was_told_goes_on_from_there(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    relay = Relay(publisher, feed, 1_000)
    relay.relay_until(1_000)

    async with Guest(ejabberd) as guest:
        assert expect(1_000) == list_places(await guest.read_archive(room))
    assert {"opened", "archived"} == relay.kinds()


async def test_a_new_epoch_is_announced_and_goes_on_behind_its_head(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 10)
    wait_for_report(publisher, feed, "archived", last="10")

    publisher.publish_batch(feed, 6, 7, run="r2", epoch="e002")
    heard = wait_for_report(publisher, feed, "behind", run="r2")
    assert ("e001", "10") == (heard[-1]["epoch"], heard[-1]["last"])
    opening_id = publisher.publish_opening(feed, run="r3", epoch="e002", head=5)
    publisher.publish_batch(feed, 6, 7, run="r3", epoch="e002")
    publisher.publish_opening(feed, run="r1")
    publisher.publish_batch(feed, 11, 12, run="r1")
    heard = wait_for_report(publisher, feed, "behind", run="r1")

    assert {"kind": "opened", "feed": feed, "epoch": "e002", "id": opening_id} in heard
    assert ("e002", "7") == (heard[-1]["epoch"], heard[-1]["last"])
    async with Guest(ejabberd) as guest:
        messages = await guest.read_archive(room)
    assert expect(10) + expect(7, 6, "e002") == list_places(messages)
    assert f"{feed}:e002:6-5" in [message.get("id") for message in messages]
