"""GET connection/: absolute addresses, made of the public one."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.api import Api

pytestmark = pytest.mark.django_db


def test_it_names_what_a_client_needs(anonymous: Api) -> None:
    expected = {
        "domain": "localhost",
        "guest_domain": "guest.localhost",
        "rooms_domain": "feeds.localhost",
        "ticket_domain": "ticket.localhost",
        "websocket_url": "ws://localhost:8080/xmpp-websocket",
        "bosh_url": "http://localhost:8080/http-bind",
        "registration": "open",
    }

    assert expected == anonymous.get("connection/").body


@pytest.mark.parametrize("registration", ["limited", "closed"])
def test_it_says_whether_accounts_can_be_made(
    anonymous: Api, settings: Settings, registration: str
) -> None:
    settings.AVISO_REGISTRATION = registration

    assert registration == anonymous.get("connection/").body["registration"]


def test_behind_https_the_web_socket_is_encrypted_too(
    anonymous: Api, settings: Settings
) -> None:
    settings.AVISO_PUBLIC_URL = "https://aviso.example"

    body = anonymous.get("connection/").body

    assert "wss://aviso.example/xmpp-websocket" == body["websocket_url"]
    assert "https://aviso.example/http-bind" == body["bosh_url"]
