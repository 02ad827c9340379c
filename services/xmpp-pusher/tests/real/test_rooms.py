"""The rooms as the pusher leaves them: only it speaks, and nobody else gets in."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

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
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 1)
    wait_until_sequence(pusher, feed, 1)

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
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 3)
    wait_until_sequence(pusher, feed, 3)

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
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed, visibility="private"))
    publisher.publish_range(feed, 1, 3)
    wait_until_sequence(pusher, feed, 3)

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
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish(feed, make_event(feed, 1))
    wait_until_sequence(pusher, feed, 1)

    publisher.publish(feed, make_opening(feed, head=1, visibility="private"))
    wait_for(lambda: read_options(ejabberd, feed)["members_only"] == "true", "closing")
    publisher.publish(feed, make_opening(feed, head=1, visibility="public"))
    wait_for(lambda: read_options(ejabberd, feed)["members_only"] == "false", "opening")


async def test_a_restarted_pusher_leaves_a_public_room_open(
    start_pusher: StartPusher, publisher: Publisher, ejabberd: Ejabberd, feed: str
) -> None:
    first = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish(feed, make_event(feed, 1))
    wait_until_sequence(first, feed, 1)
    first.stop()

    second = start_pusher()
    publisher.publish(feed, make_event(feed, 2))
    wait_until_sequence(second, feed, 2)

    assert "false" == read_options(ejabberd, feed)["members_only"]
    assert not any(line.get("outcome") == "configured" for line in second.logs())


async def test_a_room_whose_visibility_nobody_told_is_closed(
    start_pusher: StartPusher, publisher: Publisher, ejabberd: Ejabberd, feed: str
) -> None:
    pusher = start_pusher()

    publisher.publish(feed, make_event(feed, 1))
    wait_until_sequence(pusher, feed, 1)

    assert "true" == read_options(ejabberd, feed)["members_only"]
    wait_for(
        lambda: any(line.get("outcome") == "closed" for line in pusher.logs()),
        "the asking for an opening",
    )


async def test_an_option_that_somebody_changed_is_set_again_at_the_next_join(
    start_pusher: StartPusher, publisher: Publisher, ejabberd: Ejabberd, feed: str
) -> None:
    first = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish(feed, make_event(feed, 1))
    wait_until_sequence(first, feed, 1)
    first.stop()
    ejabberd.call(
        "change_room_option",
        name=feed,
        service=Ejabberd.ROOMS,
        option="moderated",
        value="false",
    )

    second = start_pusher()
    publisher.publish(feed, make_event(feed, 2))
    wait_until_sequence(second, feed, 2)

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
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 3)

    def problem() -> str:
        return pusher.health()[1]["feeds"].get(feed, {}).get("problem") or ""

    wait_for(lambda: "not its owner" in problem(), "the complaint")
    assert pusher.metric("aviso_pusher_retries_total") >= 1

    ejabberd.call(
        "set_room_affiliation",
        name=feed,
        service=Ejabberd.ROOMS,
        jid=f"pusher@{Ejabberd.DOMAIN}",
        affiliation="owner",
    )
    wait_until_sequence(pusher, feed, 3)

    async with Guest(ejabberd) as guest:
        assert expect(3) == list_places(await guest.read_archive(room))


async def test_an_archive_that_does_not_write_delays_and_loses_nothing(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 3)
    wait_until_sequence(pusher, feed, 3)

    ejabberd.postgres.query("ALTER TABLE archive RENAME TO away")
    publisher.publish_range(feed, 4, 6)
    wait_for(
        lambda: pusher.metric("aviso_pusher_retries_total") >= 1, "the first doubt", 30
    )
    assert 3 == pusher.health()[1]["feeds"][feed]["sequence"]
    ejabberd.postgres.query("ALTER TABLE away RENAME TO archive")
    wait_until_sequence(pusher, feed, 6)

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
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 3)
    wait_until_sequence(first, feed, 3)
    first.stop()

    ejabberd.postgres.query("ALTER TABLE archive RENAME TO away")
    publisher.publish_range(feed, 1, 4)  # three copies and a new one
    second = start_pusher()
    wait_for(lambda: second.metric("aviso_pusher_retries_total") >= 2, "two tries", 30)
    ejabberd.postgres.query("ALTER TABLE away RENAME TO archive")
    wait_until_sequence(second, feed, 4)

    async with Guest(ejabberd) as guest:
        assert expect(4) == list_places(await guest.read_archive(room))


async def test_poison_between_good_events_is_parked_and_its_place_kept(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    publisher.take_parked()
    pusher = start_pusher()
    unknown = make_event(feed, 2).replace(b"created.v1", b"created.v7")
    deep = make_event(feed, 4).replace(b'"number":4', b'"n":' + b"[" * 900 + b"]" * 900)
    large = make_event(feed, 6, text="&" * 120_000)

    publisher.publish(feed, make_opening(feed))
    publisher.publish(feed, make_event(feed, 1))
    publisher.publish(feed, unknown)
    publisher.publish(feed, make_event(feed, 3))
    publisher.publish(feed, deep)
    publisher.publish(feed, b"no json at all")
    publisher.publish(feed, make_event(feed, 5))
    publisher.publish(feed, large)
    publisher.publish(feed, make_event(feed, 7))
    wait_until_sequence(pusher, feed, 7)
    wait_for(lambda: publisher.count("record-events.parked") == 4, "the parking")

    async with Guest(ejabberd) as guest:
        messages = await guest.read_archive(room)
    assert expect(7) == list_places(messages)
    lost = {
        event["feedseq"]: event["data"]["cause"]
        for event in list_events(messages)
        if event["type"] == "aviso.record.unavailable.v1"
    }
    assert {"2": "unknown-type", "4": "too-deep", "6": "too-large"} == lost
    parked = publisher.take_parked()
    causes = {body: headers["aviso-cause"] for headers, body in parked}
    assert causes == {
        unknown: "unknown-type",
        deep: "too-deep",
        b"no json at all": "unreadable",
        large: "too-large",
    }
    assert all(headers["feed"] == feed for headers, _ in parked)
    assert all(headers["aviso-parked-by"] == "pusher" for headers, _ in parked)


async def test_a_new_epoch_is_announced_in_the_archive(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 2)
    publisher.publish(feed, make_opening(feed, "e002", head=900))
    publisher.publish(feed, make_event(feed, 901, "e002"))
    wait_until_sequence(pusher, feed, 901)

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
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish(feed, make_event(feed, 1))
    wait_until_sequence(pusher, feed, 1)

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
    publisher.publish(feed, make_event(feed, 2))
    wait_until_sequence(pusher, feed, 2)

    async with Guest(ejabberd) as guest:
        assert expect(2) == list_places(await guest.read_archive(room))
