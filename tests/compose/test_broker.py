"""RabbitMQ in its container: what it has, who may change it, who shares its queues."""

from __future__ import annotations

import json

import pytest
from integration.api import Api
from integration.page import FeedPage
from integration.waiting import until_equal

from .stack import ComposeStack
from .test_journey import write_until_accepted

pytestmark = pytest.mark.timeout(600)

QUEUES = ["xmpp-pusher.0", "xmpp-pusher.1"]
# With the credentials of the container that it runs in.
_DELETE = """
import os, pika
url = pika.URLParameters(os.environ["AVISO_AMQP_URL"])
try:
    pika.BlockingConnection(url).channel().queue_delete("xmpp-pusher.0")
    print("deleted")
except pika.exceptions.ChannelClosedByBroker as refused:
    print(refused.reply_code)
"""
_HEALTH = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8090/healthz").read().decode())
"""


@pytest.mark.parametrize("service", ["pusher", "relay"])
def test_a_part_can_not_delete_a_queue(service: str, stack: ComposeStack) -> None:
    told = stack.compose("exec", "-T", service, "python3", "-c", _DELETE)

    assert told.strip() == "403"


def test_a_deleted_queue_is_back_when_the_definitions_are_loaded(
    stack: ComposeStack, api: Api, page: FeedPage
) -> None:
    rabbitmqctl = ("exec", "-T", "rabbitmq", "rabbitmqctl", "-q")
    for queue in QUEUES:
        stack.compose(*rabbitmqctl, "delete_queue", queue)
    record = write_until_accepted(api, {"while": "a queue is missing"})
    stack.compose(*rabbitmqctl, "import_definitions", "/tmp/definitions.json")  # noqa: S108

    page.wait_for_record(record)


def test_two_pushers_have_a_queue_each(stack: ComposeStack) -> None:
    up = ("up", "--detach", "--no-build", "--no-recreate", "--wait")
    stack.compose(*up, "--scale", "pusher=2")
    try:
        until_equal(
            QUEUES,
            lambda: sorted(read_queues(stack, 1) + read_queues(stack, 2)),
            "both",
        )
        assert len(read_queues(stack, 1)) == 1
    finally:
        stack.compose(*up, "--scale", "pusher=1")
    until_equal(QUEUES, lambda: sorted(read_queues(stack, 1)), "the first to have both")


def read_queues(stack: ComposeStack, index: int) -> list[str]:
    command = ("python3", "-c", _HEALTH)
    told = stack.compose("exec", "-T", f"--index={index}", "pusher", *command)
    queues: list[str] = json.loads(told)["queues"]
    return queues
