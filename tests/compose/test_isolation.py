"""What the containers may do and who reaches them, as the engine sees it."""

import stat

import pytest

from .stack import SECRETS, ComposeStack, RunningStack

pytestmark = pytest.mark.timeout(1500)

# Who is where: two services that share no network cannot reach each other.
_NETWORKS = {
    "postgres": {"records-data", "archive-data"},
    "rabbitmq": {"broker"},
    "ejabberd": {"archive-data", "xmpp"},
    "migrate": {"records-data"},
    "records-api": {"records-data", "api"},
    "relay": {"records-data", "broker"},
    "pusher": {"broker", "xmpp"},
    "web": {"page"},
    "gateway": {"front", "page", "api", "xmpp"},
}


def test_only_the_page_is_published_and_only_on_loopback(stack: ComposeStack) -> None:
    published = [
        (service, binding["HostIp"], int(binding["HostPort"]))
        for service, container in stack.containers().items()
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    ]

    assert published == [("gateway", "127.0.0.1", stack.port)]


def test_no_container_runs_as_root(stack: ComposeStack) -> None:
    running = {
        service: stack.user_ids(container["Id"])
        for service, container in stack.containers().items()
        if container["State"]["Running"]
    }

    assert set(running) == set(_NETWORKS) - {"migrate"}
    assert [service for service, users in running.items() if 0 in users] == []


def test_no_container_can_gain_rights(stack: ComposeStack) -> None:
    for service, container in stack.containers().items():
        host = container["HostConfig"]
        assert (service, host["CapDrop"]) == (service, ["ALL"])
        assert (service, host["SecurityOpt"]) == (service, ["no-new-privileges:true"])


def test_every_file_system_is_read_only_and_every_part_has_limits(
    stack: ComposeStack,
) -> None:
    for service, container in stack.containers().items():
        host = container["HostConfig"]
        limits = host["Memory"], host["PidsLimit"]
        assert (service, host["ReadonlyRootfs"]) == (service, True)
        assert all(limit and limit > 0 for limit in limits), (service, limits)
        assert (service, host["Privileged"]) == (service, False)


def test_only_two_official_images_keep_a_capability(stack: ComposeStack) -> None:
    kept = {
        (service, capability.removeprefix("CAP_"))
        for service, container in stack.containers().items()
        for capability in container["HostConfig"]["CapAdd"] or []
    }

    assert kept == {("ejabberd", "NET_BIND_SERVICE"), ("web", "NET_BIND_SERVICE")}


def test_the_pusher_can_not_publish_an_event(stack: ComposeStack) -> None:
    program = """
import os, pika
connection = pika.BlockingConnection(pika.URLParameters(os.environ["AVISO_AMQP_URL"]))
try:
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish("record-events", "feed.forged.created", b"{}")
    print("published")
except pika.exceptions.ChannelClosedByBroker as refused:
    print(refused.reply_code)
"""
    printed = stack.compose("exec", "-T", "pusher", "python3", "-c", program)

    assert printed.strip() == "403"


def test_the_broker_has_two_users_and_neither_administers(stack: ComposeStack) -> None:
    printed = stack.compose("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "list_users")

    users = [line.split() for line in printed.splitlines()[1:]]
    assert sorted(users) == [["aviso", "[]"], ["pusher", "[]"]]


@pytest.mark.parametrize(
    ("user", "database", "secret"),
    [
        ("aviso", "ejabberd", "AVISO_DATABASE_PASSWORD"),
        ("ejabberd", "aviso", "AVISO_EJABBERD_DATABASE_PASSWORD"),
    ],
)
def test_no_role_enters_the_other_ones_database(
    user: str, database: str, secret: str, stack: ComposeStack
) -> None:
    url = f"postgresql://{user}:{stack.setting(secret)}@127.0.0.1/{database}"
    entered = f"psql -Xqc 'SELECT 1' '{url}' 2>&1 || true"

    printed = stack.compose("exec", "-T", "postgres", "sh", "-c", entered)

    assert "permission denied for database" in printed


def test_each_part_reaches_only_what_it_works_with(stack: ComposeStack) -> None:
    attached = {
        service: {
            name.removeprefix(f"{stack.project}_")
            for name in container["NetworkSettings"]["Networks"]
        }
        for service, container in stack.containers().items()
    }

    assert attached == _NETWORKS


def test_only_the_gateway_reaches_the_world(stack: ComposeStack) -> None:
    open_networks = [
        name for name, network in stack.networks().items() if not network["Internal"]
    ]

    assert open_networks == ["front"]


def test_the_secrets_are_for_the_owner_alone(running: RunningStack) -> None:
    mode = stat.S_IMODE(running.stack.env_file.stat().st_mode)
    told = [name for name in SECRETS if running.stack.setting(name) in running.printed]

    assert (mode, told) == (0o600, [])
