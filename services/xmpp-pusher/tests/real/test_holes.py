"""An archive that lost what it had, and a pusher that goes on running."""

from __future__ import annotations

import pytest

from real.programs import (
    Guest,
    Publisher,
    Relay,
    StartPusher,
    list_places,
    make_opening,
    wait_until_sequence,
)
from real.servers import Ejabberd


@pytest.mark.parametrize("kept", [6, 0])
async def test_an_archive_that_lost_its_end_under_a_running_pusher_is_filled(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
    kept: int,
) -> None:
    publisher.take_parked()
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    for n in range(1, 11):
        publisher.publish_range(feed, n, n)
        wait_until_sequence(pusher, feed, n)
    ejabberd.postgres.query(
        f"DELETE FROM archive WHERE username = '{room}' AND timestamp NOT IN"
        f" (SELECT timestamp FROM archive WHERE username = '{room}'"
        f" ORDER BY timestamp LIMIT {kept})"
    )

    publisher.publish_range(feed, 11, 11)
    relay = Relay(publisher, feed, 11)
    relay.answer_until(pusher, 11)

    async with Guest(ejabberd) as guest:
        places = list_places(await guest.read_archive(room))
    assert [("e001", n) for n in range(1, 12)] == places
    assert (kept + 1, 10) == relay.asked[0]
    assert [] == [line for line in pusher.logs() if line.get("outcome") == "parked"]


async def test_a_large_hole_is_asked_for_in_pieces(
    start_pusher: StartPusher,
    publisher: Publisher,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    publisher.take_parked()
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 1)
    wait_until_sequence(pusher, feed, 1)

    publisher.publish_range(feed, 2502, 2502)
    relay = Relay(publisher, feed, 2502)
    relay.answer_until(pusher, 2502)

    assert [(2, 1001), (1002, 2001), (2002, 2501)] == relay.asked
    async with Guest(ejabberd) as guest:
        places = list_places(await guest.read_archive(room))
    assert [("e001", n) for n in range(1, 2503)] == places
