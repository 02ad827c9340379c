"""Events in, archive in order: the plain path, read by a plain guest."""

from __future__ import annotations

import json

from real.programs import (
    Guest,
    Publisher,
    StartPusher,
    list_events,
    list_places,
    make_event,
    make_opening,
    wait_until_sequence,
)
from real.servers import Ejabberd


async def test_events_stand_in_the_archive_in_order(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher()

    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 300)
    wait_until_sequence(pusher, feed, 300)

    async with Guest(ejabberd) as guest:
        places = list_places(await guest.read_archive(room))
    assert [("e001", n) for n in range(1, 301)] == places


async def test_an_event_arrives_with_the_very_text_that_the_relay_wrote(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    nasty = "<&>\"' ]]> \b\u0000\ufffe\ud800 \r\n é 😀 &amp; </json>"
    body = make_event(feed, 1, nasty=nasty)
    pusher = start_pusher()

    publisher.publish(feed, make_opening(feed))
    publisher.publish(feed, body)
    wait_until_sequence(pusher, feed, 1)

    async with Guest(ejabberd) as guest:
        (message,) = await guest.read_archive(room)
    assert f"[{body.decode()}]" == message.findtext("{urn:xmpp:json:0}json")
    (event,) = list_events([message])
    assert json.loads(body) == event


async def test_a_subscriber_hears_the_batch_with_the_rooms_stanza_id(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish(feed, make_event(feed, 1))
    wait_until_sequence(pusher, feed, 1)

    async with Guest(ejabberd) as guest:
        await guest.join(room)
        publisher.publish(feed, make_event(feed, 2))
        message = await guest.wait_heard("{jabber:client}message", f"{feed}:e001:2-2")

    stanza_id = message.find("{urn:xmpp:sid:0}stanza-id")
    assert stanza_id is not None
    assert room == stanza_id.get("by")
