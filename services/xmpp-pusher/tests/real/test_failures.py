"""What is promised holds whatever is killed: once, in order, without hole."""

from __future__ import annotations

import signal
import threading

from real.programs import (
    Guest,
    Publisher,
    PusherProcess,
    Relay,
    StartPusher,
    list_places,
    make_opening,
    wait_until_sequence,
)
from real.servers import Ejabberd, Rabbit
from real.waiting import wait_for


def expect(last: int, first: int = 1) -> list[tuple[str, int]]:
    return [("e001", number) for number in range(first, last + 1)]


async def read_places(ejabberd: Ejabberd, room: str) -> list[tuple[str, int]]:
    async with Guest(ejabberd) as guest:
        return list_places(await guest.read_archive(room))


class Stream:
    """Publishes in a thread of its own, so that something can be killed meanwhile."""

    def __init__(self, rabbit: Rabbit, feed: str, last: int, size: int = 100) -> None:
        self._thread = threading.Thread(
            target=self._publish, args=(rabbit, feed, last, size)
        )
        self._thread.start()

    def _publish(self, rabbit: Rabbit, feed: str, last: int, size: int) -> None:
        publisher = Publisher(rabbit)
        publisher.publish(feed, make_opening(feed))
        publisher.publish_range(feed, 1, last, text="x" * size)
        publisher.close()

    def is_going(self) -> bool:
        return self._thread.is_alive()

    def wait(self) -> None:
        self._thread.join(120)


def sequence_of(pusher: PusherProcess, feed: str) -> int:
    state = pusher.health()[1].get("feeds", {}).get(feed, {})
    return state.get("sequence") or 0


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
        wait_for(
            lambda p=pusher, m=milestone: sequence_of(p, feed) >= m,  # type: ignore
            f"sequence {milestone}",
        )
        pusher.stop(signal.SIGKILL)
    stream.wait()
    wait_until_sequence(start_pusher(), feed, last)

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
        wait_for(
            lambda m=milestone: sequence_of(pusher, feed) >= m,  # type: ignore
            f"sequence {milestone}",
        )
        ejabberd.stop(signal.SIGKILL)
        wait_for(lambda: pusher.health()[0] == 503, "the pusher's noticing", 10)
        ejabberd.start()
    stream.wait()
    wait_until_sequence(pusher, feed, last)

    assert expect(last) == await read_places(ejabberd, room)


async def test_a_broker_that_is_killed_and_comes_back(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    publisher: Publisher,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 500, text="x" * 2000)

    rabbit.stop(signal.SIGKILL)
    wait_for(lambda: pusher.health()[0] == 503, "the pusher's noticing", 20)
    rabbit.start()
    again = Publisher(rabbit)
    again.publish_range(feed, 501, 600)
    again.close()
    wait_until_sequence(pusher, feed, 600)

    assert expect(600) == await read_places(ejabberd, room)


async def test_with_ejabberd_down_the_pusher_holds_its_prefetch_and_goes_on_by_itself(
    start_pusher: StartPusher,
    ejabberd: Ejabberd,
    publisher: Publisher,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher(AVISO_PUSHER_PREFETCH="50")
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 5)
    wait_until_sequence(pusher, feed, 5)
    ejabberd.stop(signal.SIGKILL)
    publisher.publish_range(feed, 6, 300)
    wait_for(lambda: pusher.health()[1]["feeds"][feed]["waiting"] == 50, "a full hold")

    ejabberd.start()
    wait_until_sequence(pusher, feed, 300)

    assert expect(300) == await read_places(ejabberd, room)


async def test_a_destroyed_room_is_made_again_and_filled_from_the_beginning(
    start_pusher: StartPusher,
    ejabberd: Ejabberd,
    publisher: Publisher,
    feed: str,
    room: str,
) -> None:
    publisher.take_parked()
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 10)
    wait_until_sequence(pusher, feed, 10)

    ejabberd.call("destroy_room", name=feed, service=Ejabberd.ROOMS)
    publisher.publish_range(feed, 11, 20)
    Relay(publisher, feed, 20).answer_until(pusher, 20)

    assert expect(20) == await read_places(ejabberd, room)


async def test_a_pusher_that_was_put_out_of_the_room_comes_back(
    start_pusher: StartPusher,
    ejabberd: Ejabberd,
    publisher: Publisher,
    feed: str,
    room: str,
) -> None:
    pusher = start_pusher()
    publisher.publish(feed, make_opening(feed))
    publisher.publish_range(feed, 1, 10)
    wait_until_sequence(pusher, feed, 10)

    ejabberd.call("kick_session", **pusher_session(ejabberd))
    publisher.publish_range(feed, 11, 20)
    wait_until_sequence(pusher, feed, 20)

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
    wait_for(lambda: sequence_of(stale, feed) >= 200, "sequence 200")

    stale.send_signal(signal.SIGSTOP)
    # The broker gives the queues away once the stopped one misses its heartbeats.
    fresh = start_pusher()
    stream.wait()
    wait_for(lambda: sequence_of(fresh, feed) >= 300, "the takeover", 60)
    stale.send_signal(signal.SIGCONT)
    wait_until_sequence(fresh, feed, last)
    wait_for(lambda: stale.metric("aviso_pusher_reconnects") >= 2, "its coming back")
    wait_for(lambda: stale.health()[0] == 200, "the stale one as a standby")

    assert expect(last) == await read_places(ejabberd, room)
    assert any(line.get("outcome") == "evicted" for line in fresh.logs())


async def test_a_standby_takes_over_when_the_active_pusher_is_killed(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    last = 2000
    active = start_pusher()
    standby = start_pusher()
    stream = Stream(rabbit, feed, last)
    wait_for(lambda: sequence_of(active, feed) >= 300, "sequence 300")
    assert {} == standby.health()[1]["feeds"]

    active.stop(signal.SIGKILL)
    stream.wait()
    wait_until_sequence(standby, feed, last)

    assert expect(last) == await read_places(ejabberd, room)


async def test_sigterm_under_load_hands_over_to_the_standby(
    start_pusher: StartPusher,
    rabbit: Rabbit,
    ejabberd: Ejabberd,
    feed: str,
    room: str,
) -> None:
    last = 2000
    active = start_pusher()
    standby = start_pusher()
    stream = Stream(rabbit, feed, last)
    wait_for(lambda: sequence_of(active, feed) >= 300, "sequence 300")

    assert 0 == active.stop(signal.SIGTERM)
    stream.wait()
    wait_until_sequence(standby, feed, last)

    assert expect(last) == await read_places(ejabberd, room)
    assert not any(line.get("outcome") == "evicted" for line in standby.logs())
