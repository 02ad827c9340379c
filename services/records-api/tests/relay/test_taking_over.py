"""What is killed, stopped or cut off costs no event and gives none a second number."""

from __future__ import annotations

from tests.relay.conftest import StartRelay
from tests.relay.drivers import Database, Relay, eventually
from tests.relay.pusher import Pusher, Taken


def test_a_relay_killed_in_a_burst_loses_and_renumbers_nothing(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")

    for _ in range(5):
        relay = start_relay()
        relay.wait_for_role("active")
        database.add_records("orders", 400)
        relay.kill()
    start_relay()
    database.wait_until_published()

    _check_once(pusher.take(), 2000)


def test_what_was_confirmed_but_not_marked_is_published_again_unchanged(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    first = start_relay()
    first.wait_for_broker()
    database.add_records("orders", 20)
    database.wait_until_published()
    before = pusher.take()
    first.kill()

    # As if the process had died before it wrote down what was confirmed.
    database.run("UPDATE aviso.feed_progress SET published = 5")
    start_relay()
    database.wait_until_published()

    again = pusher.take()
    # The archive has them already: it takes none of them twice.
    assert [] == again
    assert list(range(1, 21)) == [m.sequence for m in before if m.sequence]
    (message,) = [
        properties
        for properties, _ in pusher.received
        if properties.headers.get("first") == "6"
    ]
    assert "20" == message.headers["last"]


def test_a_standby_takes_over_from_a_killed_relay(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    active = start_relay()
    active.wait_for_role("active")
    standby = start_relay()
    standby.wait_for_role("standby")
    # Opened by the first: what is not known to be opened is opened by the next again.
    database.wait_until_published()

    active.kill()

    standby.wait_for_role("active")
    database.add_records("orders", 10)
    database.wait_until_published()
    assert [None, *range(1, 11)] == [m.sequence for m in pusher.take()]


def test_a_relay_that_lost_its_lock_is_not_active_beside_its_successor(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    first, second = start_relay(), start_relay()
    eventually(lambda: {"active", "standby"} == _roles(first, second))

    for _ in range(3):
        eventually(lambda: database.terminate("aviso-relay"))
        database.add_records("orders", 100)
        eventually(lambda: {"active", "standby"} == _roles(first, second))
    database.wait_until_published()

    _check_once(pusher.take(), 300)


def test_a_stopped_process_holds_the_lock_no_longer_than_it_is_believed_alive(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    active = start_relay()
    active.wait_for_role("active")
    standby = start_relay()
    standby.wait_for_role("standby")

    active.pause()
    standby.wait_for_role("active")
    database.add_records("orders", 50)
    database.wait_until_published()

    assert 0 == active.stop()
    _check_once(pusher.take(), 50)


def test_sigterm_in_a_burst_ends_in_order(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    # Opened: what is not known to be opened the next relay opens again.
    database.wait_until_published()
    database.add_records("orders", 1000)

    assert 0 == relay.stop()

    start_relay()
    database.wait_until_published()
    assert [None, *range(1, 1001)] == [m.sequence for m in pusher.take()]


def _roles(*relays: Relay) -> set[str | None]:
    return {relay.health().get("role") for relay in relays}


def _check_once(received: list[Taken], count: int) -> None:
    """All of 1 to `count` are archived, in order."""
    sequences = [message.sequence for message in received if message.sequence]
    assert list(range(1, count + 1)) == sequences
