"""RabbitMQ's users: who may publish an event, and who else there is."""

from __future__ import annotations

import json

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ProbableAuthenticationError

from . import broker
from .api import new_slug
from .running import Stack

from aviso_native import rabbitmq  # isort: skip # found on the path that .running sets

ACCESS_REFUSED = 403


@pytest.fixture
def pusher_url(stack: Stack) -> str:
    return stack.settings.pusher_amqp_url


def test_the_pusher_can_not_publish_an_event(stack: Stack, pusher_url: str) -> None:
    with pytest.raises(ChannelClosedByBroker) as refused:
        broker.publish(pusher_url, b"{}", feed=new_slug("forged"))

    assert refused.value.reply_code == ACCESS_REFUSED


@pytest.mark.parametrize("name", ["url", "pusher_url"])
@pytest.mark.parametrize(
    ("act", "what"),
    [
        ("queue_declare", "eavesdropper"),
        ("queue_delete", "xmpp-pusher.0"),
        ("queue_delete", "record-events.reports"),
        ("exchange_delete", "record-events"),
    ],
)
def test_no_part_makes_or_deletes_what_is_the_brokers(
    name: str, act: str, what: str, stack: Stack
) -> None:
    settings = stack.settings
    url = {"url": settings.amqp_url, "pusher_url": settings.pusher_amqp_url}[name]
    connection = pika.BlockingConnection(pika.URLParameters(url))

    with pytest.raises(ChannelClosedByBroker) as refused:
        getattr(connection.channel(), act)(what)

    connection.close()
    assert refused.value.reply_code == ACCESS_REFUSED


@pytest.mark.parametrize("exchange", ["record-events", "record-events.by-feed"])
def test_the_pusher_can_not_publish_what_it_is_to_read(
    exchange: str, pusher_url: str
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(pusher_url))
    channel = connection.channel()
    channel.confirm_delivery()

    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.basic_publish(exchange, "feed.forged.batch", b"{}")

    connection.close()
    assert refused.value.reply_code == ACCESS_REFUSED


def test_there_are_two_users_and_neither_administers(stack: Stack) -> None:
    printed = rabbitmq.ctl(stack.settings, "list_users", "--formatter=json", "--quiet")

    users = {user["user"]: user["tags"] for user in json.loads(printed)}
    assert users == {"aviso": [], "pusher": []}


def test_a_guest_is_not_let_in(stack: Stack) -> None:
    url = f"amqp://guest:guest@127.0.0.1:{stack.settings.ports['amqp']}/%2F"

    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(url))


def test_a_start_takes_back_what_was_given(stack: Stack, pusher_url: str) -> None:
    settings = stack.settings
    rabbitmq.ctl(settings, "set_user_tags", "pusher", "administrator")
    rabbitmq.ctl(settings, "set_permissions", "pusher", ".*", ".*", ".*")
    broker.publish(pusher_url, b"{}", feed=new_slug("forged"))

    stack.stop_part("rabbitmq")
    stack.start_part("rabbitmq")

    with pytest.raises(ChannelClosedByBroker):
        broker.publish(pusher_url, b"{}", feed=new_slug("forged"))
    assert '"tags":[]' in rabbitmq.ctl(settings, "list_users", "--formatter=json")
    assert "administrator" not in rabbitmq.ctl(settings, "list_users")
