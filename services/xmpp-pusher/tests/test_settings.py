from __future__ import annotations

from pathlib import Path

import pytest

from xmpp_pusher.errors import SettingsError
from xmpp_pusher.settings import read_settings

NEEDED = {
    "AVISO_AMQP_URL": "amqp://aviso:amqp-secret@broker:5672/aviso",
    "AVISO_XMPP_PASSWORD": "xmpp-secret",
}


def test_defaults_are_for_loopback() -> None:
    settings = read_settings(NEEDED)

    assert 2 == settings.queues
    assert "feeds.localhost" == settings.rooms_domain
    assert ("127.0.0.1", 8090) == (settings.bind_host, settings.bind_port)
    assert 200 == settings.prefetch
    assert (600, 5_000) == (settings.room_lease_s, settings.max_rooms)
    assert "ticket.localhost" == settings.ticket_domain
    assert settings.xmpp_tls is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AVISO_QUEUES", "0"),
        ("AVISO_QUEUES", "two"),
        ("AVISO_XMPP_PORT", "65536"),
        ("AVISO_XMPP_JID", "pusher"),
        ("AVISO_XMPP_JID", "pusher@localhost/desk"),
        ("AVISO_XMPP_TLS", "yes"),
        ("AVISO_PUSHER_BIND", "8090"),
        ("AVISO_PUSHER_PREFETCH", "-1"),
        ("AVISO_PUSHER_ROOM_LEASE_S", "0"),
        ("AVISO_PUSHER_ROOMS", "0"),
        ("AVISO_AMQP_URL", "http://broker"),
        ("AVISO_AMQP_URL", "amqp://u:p@broker:port/"),
        ("AVISO_AMQP_URL", ""),
        ("AVISO_XMPP_PASSWORD", ""),
        ("AVISO_XMPP_PASSWORD_FILE", "/nowhere/at/all"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name.removesuffix("_FILE")):
        read_settings(NEEDED | {name: value})


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("from-file\n")
    environment = {
        "AVISO_AMQP_URL": NEEDED["AVISO_AMQP_URL"],
        "AVISO_XMPP_PASSWORD_FILE": str(path),
    }

    assert "from-file" == read_settings(environment).xmpp_password


def test_repr_hides_the_secrets() -> None:
    assert "secret" not in repr(read_settings(NEEDED))


def test_an_error_hides_the_secrets() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(NEEDED | {"AVISO_AMQP_URL": "amqp//user:amqp-secret@broker"})

    assert "amqp-secret" not in str(caught.value)
