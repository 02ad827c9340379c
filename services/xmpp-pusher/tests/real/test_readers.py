"""Who is let in and put out, and when: real lists of a real room."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from real.programs import (
    Guest,
    Publisher,
    StartPusher,
    list_places,
    wait_archived,
    wait_for_report,
)
from real.servers import Ejabberd
from real.waiting import ALIVE_S, wait_for

PRESENCE = "{jabber:client}presence"
MESSAGE = "{jabber:client}message"
MUC = "http://jabber.org/protocol/muc"
NOTICE = "{urn:aviso:feed:2}reader"
PASSWORD = "reader-test-password"


def make_reader(ejabberd: Ejabberd, host: str) -> str:
    name = f"r{uuid.uuid4().hex[:10]}"
    ejabberd.register(name, PASSWORD, host)
    return f"{name}@{host}"


@pytest.fixture
def account(ejabberd: Ejabberd) -> str:
    return make_reader(ejabberd, Ejabberd.DOMAIN)


@pytest.fixture
def holder(ejabberd: Ejabberd) -> str:
    return make_reader(ejabberd, Ejabberd.TICKETS)


def publish_reader(
    publisher: Publisher,
    feed: str,
    sequence: int,
    change: str,
    reader: str,
    run: str = "r1",
) -> None:
    event = {
        # The same where it travels again.
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"event:{feed}:{sequence}")),
        "type": f"aviso.reader.{change}.v1",
        "data": {},
    }
    publisher.publish_batch(
        feed, sequence, sequence, run, events=[event], reader=reader
    )


def read_lists(ejabberd: Ejabberd, feed: str) -> dict[str, str]:
    """Return who has which affiliation in the room, the pusher left out."""
    entries: Any = ejabberd.call(
        "get_room_affiliations", name=feed, service=Ejabberd.ROOMS
    )
    found = {}
    for entry in entries:
        address = "@".join(filter(None, (entry["username"], entry["domain"])))
        found[address] = entry["affiliation"]
    found.pop(f"pusher@{Ejabberd.DOMAIN}", None)
    return found


async def may_enter(guest: Guest, room: str) -> bool:
    nick = uuid.uuid4().hex
    guest.send_raw(f"<presence to='{room}/{nick}'><x xmlns='{MUC}'/></presence>")
    async with asyncio.timeout(ALIVE_S):
        while True:
            for xml in guest.heard:
                if xml.get("from") == f"{room}/{nick}":
                    return xml.get("type") != "error"
            await asyncio.sleep(0.005)


async def wait_put_out(guest: Guest, room: str) -> None:
    def is_out() -> bool:
        return any(
            xml.tag == PRESENCE
            and xml.get("type") == "unavailable"
            and (xml.get("from") or "").startswith(f"{room}/")
            for xml in guest.heard
        )

    async with asyncio.timeout(ALIVE_S):
        while not is_out():
            await asyncio.sleep(0.005)


async def wait_told(guest: Guest, feed: str, change: str) -> None:
    notice = {"feed": feed, "change": change}
    async with asyncio.timeout(ALIVE_S):
        while notice not in [n.attrib for xml in guest.heard for n in xml.iter(NOTICE)]:
            await asyncio.sleep(0.005)


async def wait_heard_place(guest: Guest, room: str, sequence: int) -> None:
    async with asyncio.timeout(ALIVE_S):
        while sequence not in heard_places(guest, room):
            await asyncio.sleep(0.005)


@contextmanager
def broken_archive(ejabberd: Ejabberd) -> Iterator[None]:
    ejabberd.postgres.query("ALTER TABLE archive RENAME TO away")
    yield
    ejabberd.postgres.query("ALTER TABLE away RENAME TO archive")


def heard_places(guest: Guest, room: str) -> list[int]:
    live = [
        xml
        for xml in guest.heard
        if xml.tag == MESSAGE and (xml.get("from") or "").startswith(f"{room}/")
    ]
    return [sequence for _, sequence in list_places(live)]


async def test_an_account_is_let_in_told_and_put_out(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
    account: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed, visibility="private")
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)

    async with Guest(ejabberd, account, PASSWORD) as guest:
        guest.send_presence()
        assert not await may_enter(guest, room)
        assert [] == await guest.read_archive(room)

        publish_reader(publisher, feed, 2, "granted", account)
        wait_archived(publisher, feed, 2)
        assert [("e001", 1), ("e001", 2)] == list_places(await guest.read_archive(room))
        guest.heard.clear()
        await guest.join(room)
        publisher.publish_batch(feed, 3, 3)
        publish_reader(publisher, feed, 4, "revoked", account)
        publisher.publish_batch(feed, 5, 5)
        wait_archived(publisher, feed, 5)

        await wait_put_out(guest, room)
        assert [3] == heard_places(guest, room)
        # It comes by another way than the room's presence.
        await wait_told(guest, feed, "revoked")
        assert [] == await guest.read_archive(room)


async def test_a_ticket_holder_may_read_until_he_is_put_out_and_after_he_is_forgiven(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
    holder: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed, visibility="private")
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)

    async with Guest(ejabberd, holder, PASSWORD) as guest:
        await guest.join(room)
        # Granted what he has: he stays in.
        publish_reader(publisher, feed, 2, "granted", holder)
        publisher.publish_batch(feed, 3, 3)
        wait_archived(publisher, feed, 3)
        publish_reader(publisher, feed, 4, "revoked", holder)
        publisher.publish_batch(feed, 5, 5)
        await wait_put_out(guest, room)
        wait_archived(publisher, feed, 5)
        assert [2, 3] == heard_places(guest, room)
        assert not await may_enter(guest, room)
        assert [] == await guest.read_archive(room)

        publish_reader(publisher, feed, 6, "granted", holder)
        wait_archived(publisher, feed, 6)
        assert {Ejabberd.TICKETS: "member"} == read_lists(ejabberd, feed)
        assert await may_enter(guest, room)
        assert 6 == len(list_places(await guest.read_archive(room)))


async def test_a_ticket_holder_is_put_out_of_a_public_room_too(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
    holder: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)

    async with Guest(ejabberd, holder, PASSWORD) as guest:
        await guest.join(room)
        publish_reader(publisher, feed, 2, "revoked", holder)
        await wait_put_out(guest, room)
        assert [] == await guest.read_archive(room)


async def test_who_is_revoked_in_a_burst_has_all_before_and_nothing_after(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
    account: str,
) -> None:
    pusher = start_pusher()
    publisher.publish_opening(feed, visibility="private")
    publish_reader(publisher, feed, 1, "granted", account)
    wait_archived(publisher, feed, 1)

    async with Guest(ejabberd, account, PASSWORD) as guest:
        await guest.join(room)
        # All of it waits for the next pusher, so that its batches are full.
        pusher.stop()
        publisher.publish_batch(feed, 2, 250)
        publish_reader(publisher, feed, 251, "revoked", account)
        publisher.publish_batch(feed, 252, 500)
        start_pusher()
        await asyncio.to_thread(wait_archived, publisher, feed, 500)
        await wait_put_out(guest, room)

        assert list(range(2, 251)) == heard_places(guest, room)


async def test_killed_between_the_lists_and_the_archive_it_does_the_same_again(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
    account: str,
) -> None:
    first = start_pusher()
    publisher.publish_opening(feed, visibility="private")
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)

    # Stopped where the room has the grant and the archive refuses the batch.
    with broken_archive(ejabberd):
        publish_reader(publisher, feed, 2, "granted", account)
        wait_for(lambda: account in read_lists(ejabberd, feed), "the grant")
        first.stop(signal.SIGKILL)
    # As the relay does: the first may have told before its end that the room is shut.
    publish_reader(publisher, feed, 2, "granted", account, "r2")
    publisher.publish_batch(feed, 3, 3, "r2")
    start_pusher()
    wait_archived(publisher, feed, 3)

    expected = {account: "member", Ejabberd.TICKETS: "member"}
    assert expected == read_lists(ejabberd, feed)
    async with Guest(ejabberd, account, PASSWORD) as guest:
        places = list_places(await guest.read_archive(room))
    assert [("e001", n) for n in (1, 2, 3)] == places


async def test_a_room_made_anew_is_closed_until_its_readers_are_back(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
    account: str,
    holder: str,
) -> None:
    publisher.take_parked()
    start_pusher()
    publisher.publish_opening(feed, visibility="private")
    publish_reader(publisher, feed, 1, "granted", account)
    publish_reader(publisher, feed, 2, "revoked", holder)
    wait_archived(publisher, feed, 2)

    ejabberd.call("destroy_room", name=feed, service=Ejabberd.ROOMS)
    publisher.publish_batch(feed, 3, 3, run="r2")
    wait_for_report(publisher, feed, "unopened")
    assert {} == read_lists(ejabberd, feed)
    async with Guest(ejabberd, holder, PASSWORD) as guest:
        assert not await may_enter(guest, room)

    opening_id = publisher.publish_opening(
        feed,
        archived=2,
        visibility="private",
        readers=[account],
        revoked=[holder],
    )
    wait_for_report(publisher, feed, "opened", id=opening_id)
    expected = {account: "member", holder: "outcast", Ejabberd.TICKETS: "member"}
    assert expected == read_lists(ejabberd, feed)


async def test_guests_are_put_out_of_a_feed_that_is_made_private(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
    account: str,
    holder: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)

    async with (
        Guest(ejabberd) as guest,
        Guest(ejabberd, account, PASSWORD) as reader,
        Guest(ejabberd, holder, PASSWORD) as visitor,
    ):
        for one in (guest, reader, visitor):
            await one.join(room)
        publisher.publish_opening(
            feed, head=1, visibility="private", readers=[account], revoked=[]
        )
        publisher.publish_batch(feed, 2, 2)
        wait_archived(publisher, feed, 2)
        await wait_put_out(guest, room)

        assert [] == heard_places(guest, room)
        assert [] == await guest.read_archive(room)
        await wait_heard_place(reader, room, 2)
        await wait_heard_place(visitor, room, 2)


async def test_an_address_that_no_room_takes_is_refused_and_stops_nothing(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    account: str,
) -> None:
    publisher.take_parked()
    # U+06DD is forbidden in a JID's local part (RFC 3454, C.2.2).
    bad, own = f"\u06ddx@{Ejabberd.DOMAIN}", f"pusher@{Ejabberd.DOMAIN}"
    start_pusher()
    publisher.publish_opening(feed, readers=[bad, account, own], revoked=[])
    for run, change, reader in (("r1", "granted", bad), ("r2", "revoked", own)):
        event = {
            "id": str(uuid.uuid4()),
            "type": f"aviso.reader.{change}.v1",
            "data": {},
        }
        publisher.publish_batch(feed, 1, 1, run, events=[event], reader=reader)
        heard = wait_for_report(publisher, feed, "refused", run=run)
        assert ("e001", "1", "1") == tuple(
            heard[-1][name] for name in ("epoch", "first", "last")
        )
    assert [] == publisher.take_parked()
    event = {"id": str(uuid.uuid4()), "type": "aviso.reader.granted.v1", "data": {}}
    publisher.publish_batch(feed, 1, 1, "r3", events=[event])
    wait_for_report(publisher, feed, "refused", run="r3")
    assert ["invalid"] == [h["aviso-cause"] for h, _ in publisher.take_parked()]
    publisher.publish_batch(feed, 1, 1, "r4")
    wait_archived(publisher, feed, 1)

    assert "member" == read_lists(ejabberd, feed)[account]
