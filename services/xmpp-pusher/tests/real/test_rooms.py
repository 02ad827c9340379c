"""The rooms as the pusher leaves them: only it speaks, and nobody else gets in."""

from __future__ import annotations

import zlib
from typing import Any
from xml.etree import ElementTree

from real.programs import (
    Guest,
    Publisher,
    Relay,
    StartPusher,
    list_places,
    make_batch,
    make_events,
    wait_archived,
    wait_for_report,
)
from real.servers import Ejabberd
from real.waiting import wait_for

MESSAGE = "{jabber:client}message"
MUC = "http://jabber.org/protocol/muc"


def expect(last: int) -> list[tuple[str, int]]:
    return [("e001", number) for number in range(1, last + 1)]


def read_options(ejabberd: Ejabberd, feed: str) -> dict[str, str]:
    options: Any = ejabberd.call("get_room_options", name=feed, service=Ejabberd.ROOMS)
    assert isinstance(options, dict)
    return options


def condition_of(stanza: ElementTree.Element) -> str:
    error = stanza.find("{jabber:client}error")
    assert error is not None
    return error[0].tag.rpartition("}")[2]


async def test_a_public_room_is_a_stage_for_the_pusher_alone(
    start_pusher: StartPusher, publisher: Publisher, ejabberd: Ejabberd, feed: str
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)

    options = read_options(ejabberd, feed)
    expected = {
        "persistent": "true",
        "moderated": "true",
        "members_by_default": "false",
        "members_only": "false",
        "public": "true",
        "public_list": "false",
        "anonymous": "true",
        "mam": "true",
        "allow_change_subj": "false",
        "allow_private_messages": "false",
        "allow_private_messages_from_visitors": "nobody",
        "allow_query_users": "false",
        "allow_user_invites": "false",
        "allow_visitor_nickchange": "false",
        "allow_visitor_status": "false",
        "allow_voice_requests": "false",
        "allow_subscription": "false",
        "presence_broadcast": "[moderator]",
        "max_users": "100000",
    }
    assert expected == {name: options[name] for name in expected}


async def test_a_guest_can_read_and_cannot_speak(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 3)
    wait_archived(publisher, feed, 3)

    async with Guest(ejabberd) as guest:
        await guest.join(room)
        guest.send_raw(
            f"<message type='groupchat' id='mine' to='{room}'><body>x</body></message>"
        )
        answer = await guest.wait_heard(MESSAGE, "mine")
        places = list_places(await guest.read_archive(room))

    assert "error" == answer.get("type")
    assert "forbidden" == condition_of(answer)
    assert expect(3) == places


async def test_a_private_feeds_room_and_archive_are_closed(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed, visibility="private")
    publisher.publish_batch(feed, 1, 3)
    wait_archived(publisher, feed, 3)

    async with Guest(ejabberd) as guest:
        guest.send_raw(f"<presence id='in' to='{room}/x'><x xmlns='{MUC}'/></presence>")
        refusal = await guest.wait_heard("{jabber:client}presence", "in")
        assert [] == await guest.read_archive(room)

    assert "registration-required" == condition_of(refusal)
    options = read_options(ejabberd, feed)
    assert ("true", "false") == (options["members_only"], options["public"])


async def test_a_feed_that_is_made_private_is_closed_and_opened_again(
    start_pusher: StartPusher, publisher: Publisher, ejabberd: Ejabberd, feed: str
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)

    publisher.publish_opening(feed, head=1, visibility="private")
    wait_for(lambda: read_options(ejabberd, feed)["members_only"] == "true", "closing")
    publisher.publish_opening(feed, head=1, visibility="public")
    wait_for(lambda: read_options(ejabberd, feed)["members_only"] == "false", "opening")


async def test_a_restarted_pusher_leaves_a_public_room_open(
    start_pusher: StartPusher, publisher: Publisher, ejabberd: Ejabberd, feed: str
) -> None:
    first = start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)
    first.stop()

    second = start_pusher()
    publisher.publish_batch(feed, 2, 2)
    wait_archived(publisher, feed, 2)

    assert "false" == read_options(ejabberd, feed)["members_only"]
    assert not any(line.get("outcome") == "configured" for line in second.logs())


async def test_a_room_whose_visibility_nobody_told_is_closed(
    start_pusher: StartPusher, publisher: Publisher, ejabberd: Ejabberd, feed: str
) -> None:
    start_pusher()

    publisher.publish_batch(feed, 1, 1)
    heard = wait_archived(publisher, feed, 1)

    assert "true" == read_options(ejabberd, feed)["members_only"]
    assert {"kind": "unopened", "feed": feed} in heard


async def test_an_option_that_somebody_changed_is_set_again_at_the_next_join(
    start_pusher: StartPusher, publisher: Publisher, ejabberd: Ejabberd, feed: str
) -> None:
    first = start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)
    first.stop()
    ejabberd.call(
        "change_room_option",
        name=feed,
        service=Ejabberd.ROOMS,
        option="moderated",
        value="false",
    )

    start_pusher()
    publisher.publish_batch(feed, 2, 2)
    wait_archived(publisher, feed, 2)

    assert "true" == read_options(ejabberd, feed)["moderated"]


async def test_a_room_of_somebody_else_is_told_and_taken_up_when_it_is_ours(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    ejabberd.call(
        "create_room_with_opts",
        name=feed,
        service=Ejabberd.ROOMS,
        host=Ejabberd.DOMAIN,
        options=[{"name": "persistent", "value": "true"}],
    )
    pusher = start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 3)
    heard = wait_for_report(publisher, feed, "shut", run="r1")

    assert "not its owner" in heard[-1]["detail"]
    assert "not its owner" in pusher.health()[1]["problems"][feed]
    wait_for(lambda: pusher.metric("aviso_pusher_waiting") == 0, "every ack")
    # Nothing more is said of that run.
    publisher.publish_batch(feed, 1, 3)
    ejabberd.call(
        "set_room_affiliation",
        name=feed,
        service=Ejabberd.ROOMS,
        jid=f"pusher@{Ejabberd.DOMAIN}",
        affiliation="owner",
    )
    publisher.publish_opening(feed, "r2")
    publisher.publish_batch(feed, 1, 3, "r2")
    heard = wait_archived(publisher, feed, 3)
    assert "shut" not in {report["kind"] for report in heard}
    assert {} == pusher.health()[1]["problems"]

    async with Guest(ejabberd) as guest:
        assert expect(3) == list_places(await guest.read_archive(room))


async def test_an_archive_that_does_not_write_shuts_the_room_and_loses_nothing(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher()
    relay = Relay(publisher, feed, 3)
    relay.relay_until(3)

    ejabberd.postgres.query("ALTER TABLE archive RENAME TO away")
    relay.numbered = 6

    def is_shut() -> bool:
        relay.relay()
        return "shut" in relay.kinds()

    wait_for(is_shut, "the report that the room is shut")
    assert 3 == relay.published
    ejabberd.postgres.query("ALTER TABLE away RENAME TO archive")
    relay.relay_until(6)

    async with Guest(ejabberd) as guest:
        assert expect(6) == list_places(await guest.read_archive(room))
    reasons = {line["message"] for line in pusher.logs() if "feed" in line}
    assert any(
        "took nothing" in reason or "does not tell its head" in reason
        for reason in reasons
    ), reasons


async def test_an_archive_that_cannot_be_read_is_not_taken_for_an_empty_one(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    first = start_pusher()
    relay = Relay(publisher, feed, 3)
    relay.relay_until(3)
    first.stop()

    ejabberd.postgres.query("ALTER TABLE archive RENAME TO away")
    publisher.publish_batch(feed, 1, 4, "r9")  # three copies and a new one
    start_pusher()
    heard = wait_for_report(publisher, feed, "shut", run="r9")
    assert ["shut"] == [report["kind"] for report in heard]
    ejabberd.postgres.query("ALTER TABLE away RENAME TO archive")
    relay.numbered = 4
    relay.relay_until(4)

    async with Guest(ejabberd) as guest:
        assert expect(4) == list_places(await guest.read_archive(room))


async def test_what_can_not_be_read_is_parked_as_it_came_and_refused(
    start_pusher: StartPusher, publisher: Publisher, feed: str
) -> None:
    publisher.take_parked()
    start_pusher()
    good = make_batch(feed, 1, make_events(feed, 1, 1))
    deep = good.replace(b'"number":1', b'"n":' + b"[" * 9000 + b"]" * 9000)
    large = make_batch(feed, 1, make_events(feed, 1, 1, text="&" * 120_000))
    place = {"epoch": "e001", "first": "1", "last": "1"}

    publisher.publish_opening(feed)
    publisher.publish(feed, good, "aviso.batch.v9", run="r1", **place)
    publisher.publish(feed, deep, run="r2", **place)
    publisher.publish(feed, b"no json at all", run="r3", **place)
    publisher.publish(feed, zlib.compress(good)[:-9], encoding="deflate", run="r4")
    publisher.publish(feed, large, run="r5", **place)
    publisher.publish(feed, good, run="r6", **place)
    heard = wait_archived(publisher, feed, 1)
    wait_for(lambda: publisher.count("record-events.parked") == 5, "the parking")

    def is_told() -> bool:
        heard.extend(publisher.take_reports())
        return any(report["kind"] == "refused" for report in heard)

    wait_for(is_told, "the reports")
    refused = {report["run"] for report in heard if report["kind"] == "refused"}
    assert refused <= {"r2", "r3", "r5"}
    parked = publisher.take_parked()
    causes = {headers["run"]: headers["aviso-cause"] for headers, _ in parked}
    assert causes == {
        "r1": "unknown-type",
        "r2": "too-deep",
        "r3": "unreadable",
        "r4": "unreadable",
        "r5": "too-large",
    }
    assert {good, deep, b"no json at all", large} <= {body for _, body in parked}
    assert all(headers["feed"] == feed for headers, _ in parked)
    assert all(headers["aviso-parked-by"] == "pusher" for headers, _ in parked)


async def test_a_new_epoch_is_announced_in_the_archive(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 2)
    publisher.publish_opening(feed, epoch="e002", head=900)
    publisher.publish_batch(feed, 901, 901, epoch="e002")
    wait_archived(publisher, feed, 901)

    async with Guest(ejabberd) as guest:
        messages = await guest.read_archive(room)
    ids = [message.get("id") for message in messages]
    assert f"{feed}:e002:901-900" == ids[-2]
    assert f"{feed}:e002:901-901" == ids[-1]


async def test_a_kick_from_the_room_is_mended_by_the_next_join(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 1)
    wait_archived(publisher, feed, 1)

    # An owner of the room may kick, and so may an admin over the API: as an outcast
    # for a moment the pusher is put out, and then it is the owner again.
    for affiliation in ("outcast", "owner"):
        ejabberd.call(
            "set_room_affiliation",
            name=feed,
            service=Ejabberd.ROOMS,
            jid=f"pusher@{Ejabberd.DOMAIN}",
            affiliation=affiliation,
        )
    publisher.publish_batch(feed, 2, 2)
    wait_archived(publisher, feed, 2)

    async with Guest(ejabberd) as guest:
        assert expect(2) == list_places(await guest.read_archive(room))
