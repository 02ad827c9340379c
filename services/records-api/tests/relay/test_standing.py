"""Whoever looks at the database sees why nothing is sent, without asking the relay."""

from __future__ import annotations

from tests.relay.conftest import StartRelay
from tests.relay.drivers import Database, Relay, environment_for, eventually, manage
from tests.relay.rabbitmq import Node

AWAY = "warning: nothing is sent: the relay has no connection to RabbitMQ\n"


def said(database: Database) -> str:
    """What `manage.py tracked` has to say beside the tables."""
    return manage(environment_for(database.url, "", 1), "tracked", words=True)


def wait_for(database: Database, broker: str) -> None:
    eventually(lambda: [(broker,)] == database.run("SELECT broker FROM aviso.relay"))


def test_it_is_said_that_there_is_no_relay(database: Database) -> None:
    assert "warning: nothing is sent: no relay has been seen yet\n" == said(database)


def test_it_is_said_that_the_broker_is_away_and_when_it_is_back(
    database: Database, node: Node, start_relay: StartRelay
) -> None:
    start_relay()
    wait_for(database, "connected")
    assert "" == said(database)

    node.stop()
    try:
        wait_for(database, "connecting")
        assert AWAY == said(database)
    finally:
        node.start()

    wait_for(database, "connected")
    assert "" == said(database)


def test_it_is_said_since_when_no_relay_was_seen(
    database: Database, start_relay: StartRelay
) -> None:
    relay: Relay = start_relay()
    eventually(lambda: database.run("SELECT 1 FROM aviso.relay"))
    relay.stop()

    database.run("UPDATE aviso.relay SET seen_at = '2026-11-30 02:11:05Z'")

    expected = "no relay has been seen since 2026-11-30 02:11:05 UTC"
    assert f"warning: nothing is sent: {expected}\n" == said(database)
