"""What is promised holds whatever is killed: once, in order, without hole."""

from __future__ import annotations

import asyncio
import signal
import threading
import time

from pika.exceptions import AMQPError

from real.programs import (
    Guest,
    Publisher,
    PusherProcess,
    Relay,
    StartPusher,
    list_places,
    wait_archived,
    wait_for_report,
)
from real.servers import Ejabberd, Rabbit
from real.waiting import ALIVE_S, wait_for


def expect(last: int, first: int = 1) -> list[tuple[str, int]]:
    return [("e001", number) for number in range(first, last + 1)]


async def read_places(ejabberd: Ejabberd, room: str) -> list[tuple[str, int]]:
    async with Guest(ejabberd) as guest:
        return list_places(await guest.read_archive(room))


async def read_opened(
    relay: Relay, ejabberd: Ejabberd, room: str
) -> list[tuple[str, int]]:
    """Read a room that an ejabberd killed at once may have forgotten, and closed."""
    async with asyncio.timeout(ALIVE_S):
        while not (places := await read_places(ejabberd, room)):
            relay.relay()
            await asyncio.sleep(0.1)
    return places


class Stream:
    """A relay in a thread of its own, so that something can be killed meanwhile."""

    def __init__(self, rabbit: Rabbit, feed: str, last: int) -> None:
        self._rabbit = rabbit
        self._last = last
        self._publisher = Publisher(rabbit)
        self.relay = Relay(self._publisher, feed, last)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_published(self, sequence: int) -> None:
        wait_for(lambda: self.relay.published >= sequence, f"{sequence} published")

    def wait(self) -> None:
        self._thread.join(240)
        assert self._last == self.relay.published
        self._publisher.close()

    def _run(self) -> None:
        while self.relay.published < self._last:
            try:
                self.relay.relay()
                time.sleep(0.005)
            except AMQPError:
                self._reconnect()

    def _reconnect(self) -> None:
        while True:
            try:
                self._publisher = Publisher(self._rabbit)
                self.relay.reconnect(self._publisher)
                return
            except (AMQPError, OSError):
                time.sleep(0.2)


async def test_kill_9_of_the_pusher_mid_stream(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    last = 3000
    stream = Stream(rabbit, feed, last)

    for milestone in (1, 400, 900, 1500, 2200):
        pusher = start_pusher()
        stream.wait_published(milestone)
        pusher.stop(signal.SIGKILL)
    start_pusher()
    stream.wait()

    assert expect(last) == await read_places(ejabberd, room)


async def test_kill_9_of_ejabberd_mid_stream(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    last = 2500
    pusher = start_pusher()
    stream = Stream(rabbit, feed, last)

    for milestone in (200, 1200):
        stream.wait_published(milestone)
        ejabberd.stop(signal.SIGKILL)
        wait_for(lambda: pusher.health()[0] == 503, "the pusher's noticing")
        ejabberd.start()
    stream.wait()

    assert expect(last) == await read_places(ejabberd, room)


async def test_a_broker_that_is_killed_and_comes_back(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    last = 2000
    pusher = start_pusher()
    stream = Stream(rabbit, feed, last)

    stream.wait_published(300)
    rabbit.stop(signal.SIGKILL)
    wait_for(lambda: pusher.health()[0] == 503, "the pusher's noticing")
    rabbit.start()
    stream.wait()

    assert expect(last) == await read_places(ejabberd, room)


async def test_with_ejabberd_down_it_says_that_it_is_away_and_goes_on_by_itself(
    start_pusher: StartPusher,
    ejabberd: Ejabberd,
    publisher: Publisher,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher(AVISO_PUSHER_PREFETCH="3")
    relay = Relay(publisher, feed, 5, size=5)
    relay.relay_until(5)
    ejabberd.stop(signal.SIGKILL)
    relay.numbered = 35

    def is_away() -> bool:
        relay.relay()
        return [report["kind"] for report in relay.reports].count("away") >= 2

    wait_for(is_away, "two reports that it is away")
    # It keeps what it has: no more than its prefetch.
    wait_for(lambda: pusher.metric("aviso_pusher_waiting") == 3, "its prefetch")
    assert {"opened", "archived", "away"} == relay.kinds()

    ejabberd.start()
    relay.relay_until(35)
    assert expect(35) == await read_opened(relay, ejabberd, room)


async def test_an_archive_that_lost_its_end_is_filled_from_its_head(
    start_pusher: StartPusher,
    ejabberd: Ejabberd,
    publisher: Publisher,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    relay = Relay(publisher, feed, 10, size=1)
    relay.relay_until(10)

    for kept in (6, 0):
        ejabberd.postgres.query(
            f"DELETE FROM archive WHERE username = '{room}' AND timestamp NOT IN"
            f" (SELECT timestamp FROM archive WHERE username = '{room}'"
            f" ORDER BY timestamp LIMIT {kept})"
        )
        relay.numbered += 1
        relay.relay_until(relay.numbered)

        assert expect(relay.numbered) == await read_places(ejabberd, room)
    # Once a run: the relay begins another where it has heard nothing for too long.
    told = [r["last"] for r in relay.reports if r["kind"] == "behind"]
    assert ["6", None] == list(dict.fromkeys(told))


async def test_an_emptied_archive_begins_where_the_epoch_does_though_more_was_known(
    start_pusher: StartPusher,
    ejabberd: Ejabberd,
    publisher: Publisher,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 10)
    wait_archived(publisher, feed, 10)
    ejabberd.postgres.query(f"DELETE FROM archive WHERE username = '{room}'")
    ejabberd.call("destroy_room", name=feed, service=Ejabberd.ROOMS)

    # Whoever wrote it has not heard yet that the archive is empty.
    opening_id = publisher.publish_opening(feed, "r2", head=4, archived=10)
    wait_for_report(publisher, feed, "opened", id=opening_id)
    publisher.publish_batch(feed, 11, 11, "r2")
    wait_for_report(publisher, feed, "behind", run="r2", epoch="e001", last="4")
    publisher.publish_batch(feed, 5, 11, "r3")
    wait_archived(publisher, feed, 11)

    assert expect(11, 5) == await read_places(ejabberd, room)


async def test_a_destroyed_room_is_made_again_and_filled_from_the_beginning(
    start_pusher: StartPusher,
    ejabberd: Ejabberd,
    publisher: Publisher,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    relay = Relay(publisher, feed, 10)
    relay.relay_until(10)

    ejabberd.call("destroy_room", name=feed, service=Ejabberd.ROOMS)
    relay.numbered = 20
    relay.relay_until(20)

    assert expect(20) == await read_places(ejabberd, room)


async def test_a_pusher_that_was_put_out_of_the_room_comes_back(
    start_pusher: StartPusher,
    ejabberd: Ejabberd,
    publisher: Publisher,
    feed: str,
    room: str,
) -> None:
    start_pusher()
    publisher.publish_opening(feed)
    publisher.publish_batch(feed, 1, 10)
    wait_archived(publisher, feed, 10)

    ejabberd.call("kick_session", **pusher_session(ejabberd))
    publisher.publish_batch(feed, 11, 20)
    wait_archived(publisher, feed, 20)

    assert expect(20) == await read_places(ejabberd, room)


def pusher_session(ejabberd: Ejabberd) -> dict[str, object]:
    sessions = ejabberd.call("user_resources", user="pusher", host=Ejabberd.DOMAIN)
    assert isinstance(sessions, list)
    return {
        "user": "pusher",
        "host": Ejabberd.DOMAIN,
        "resource": sessions[0],
        "reason": "test",
    }


async def test_a_stale_pusher_is_fenced_before_the_archive_is_read(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    last = 1500
    stale = start_pusher()
    stream = Stream(rabbit, feed, last)
    stream.wait_published(200)

    stale.send_signal(signal.SIGSTOP)
    # The broker gives the queues away once the stopped one misses its heartbeats.
    fresh = start_pusher()
    stream.wait()
    stale.send_signal(signal.SIGCONT)
    wait_for(lambda: stale.metric("aviso_pusher_reconnects") >= 2, "its coming back")
    wait_for(lambda: stale.health()[0] == 200, "the stale one as a standby")

    assert expect(last) == await read_places(ejabberd, room)
    assert any(line.get("outcome") == "evicted" for line in fresh.logs())


def wait_shared(*pushers: PusherProcess) -> None:
    """Wait until each of two pushers has one of the two queues."""

    def is_shared() -> bool:
        queues = [pusher.health()[1]["queues"] for pusher in pushers]
        return [1, 1] == [len(each) for each in queues] and queues[0] != queues[1]

    wait_for(is_shared, "a queue for each")


def find_active(*pushers: PusherProcess) -> tuple[PusherProcess, PusherProcess]:
    """Return the one that has the only room, then the other."""
    rooms: list[int] = []

    def is_clear() -> bool:
        rooms[:] = [pusher.health()[1]["rooms"] for pusher in pushers]
        return [0, 1] == sorted(rooms)

    wait_for(is_clear, "one of them in the room")
    active = rooms.index(1)
    return pushers[active], pushers[1 - active]


async def test_the_other_pusher_takes_over_when_one_is_killed(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    last = 2000
    pushers = start_pusher(), start_pusher()
    wait_shared(*pushers)
    stream = Stream(rabbit, feed, last)
    stream.wait_published(300)
    active, other = find_active(*pushers)

    active.stop(signal.SIGKILL)
    stream.wait()

    assert expect(last) == await read_places(ejabberd, room)
    assert 2 == len(other.health()[1]["queues"])


async def test_sigterm_under_load_hands_over_to_the_other(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    last = 2000
    pushers = start_pusher(), start_pusher()
    wait_shared(*pushers)
    stream = Stream(rabbit, feed, last)
    stream.wait_published(300)
    active, other = find_active(*pushers)

    assert 0 == active.stop(signal.SIGTERM)
    stream.wait()

    assert expect(last) == await read_places(ejabberd, room)
    assert not any(line.get("outcome") == "evicted" for line in other.logs())


async def test_a_second_pusher_is_handed_a_queue_under_load(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    last, rounds = 4000, 4
    first = start_pusher()
    stream = Stream(rabbit, feed, last)

    # With each coming and going the feed's queue may change its pusher, or not.
    for number in range(rounds):
        stream.wait_published(200 + number * 800)
        second = start_pusher()
        wait_shared(first, second)
        assert 0 == second.stop(signal.SIGTERM)
        assert not any(
            line.get("outcome") in ("evicted", "failed")
            for pusher in (first, second)
            for line in pusher.logs()
        )
    stream.wait()

    assert expect(last) == await read_places(ejabberd, room)


async def test_a_queue_that_is_deleted_is_named_and_missed_until_it_is_back(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    publisher: Publisher,
    feed: str,
) -> None:
    pusher = start_pusher()
    for queue in ("xmpp-pusher.0", "xmpp-pusher.1.lease", "xmpp-pusher.members"):
        rabbit.delete_queue(queue)
        wait_for(lambda: pusher.health()[0] == 503, "the pusher's noticing")
        wait_for(
            lambda: any(
                f"RabbitMQ has no queue '{queue}'" in line["message"]  # noqa: B023
                for line in pusher.logs()
            ),
            "its saying so",
        )
        rabbit.load_definitions()
        wait_for(lambda: pusher.health()[0] == 200, "its coming back")

    relay = Relay(publisher, feed, 10)
    relay.relay_until(10)
