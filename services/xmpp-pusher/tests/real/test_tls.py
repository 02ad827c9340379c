"""The same stream with STARTTLS, against a certificate of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from real.programs import (
    Publisher,
    PusherProcess,
    wait_archived,
)
from real.servers import Ejabberd, Rabbit
from real.waiting import wait_for


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Ejabberd]:
    directory = tmp_path / "ejabberd"
    directory.mkdir()
    server = Ejabberd(directory, use_tls=True)
    try:
        server.start()
        server.register("pusher", server.PASSWORD)
        yield server
    finally:
        server.close()


def test_events_are_relayed_over_starttls(
    secure: Ejabberd, rabbit: Rabbit, publisher: Publisher, tmp_path: Path, feed: str
) -> None:
    pusher = PusherProcess(
        rabbit,
        secure,
        tmp_path / "pusher.log",
        AVISO_XMPP_TLS="on",
        SSL_CERT_FILE=str(secure.certificate),
    )
    try:
        pusher.start()
        publisher.publish_opening(feed)
        publisher.publish_batch(feed, 1, 1)

        wait_archived(publisher, feed, 1)
    finally:
        pusher.close()


def find_refused(pusher: PusherProcess) -> bool:
    return any(line["message"].startswith("rooms gone") for line in pusher.logs())


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: Ejabberd, rabbit: Rabbit, tmp_path: Path
) -> None:
    pusher = PusherProcess(rabbit, secure, tmp_path / "pusher.log", AVISO_XMPP_TLS="on")
    try:
        pusher.launch()

        wait_for(lambda: find_refused(pusher), "the end of its login")
        assert "disconnected" == pusher.health()[1]["ejabberd"]
        assert not any("rooms connected" in line["message"] for line in pusher.logs())
    finally:
        pusher.close()


def test_without_tls_a_server_that_requires_it_is_not_logged_in_to(
    secure: Ejabberd, rabbit: Rabbit, tmp_path: Path
) -> None:
    pusher = PusherProcess(rabbit, secure, tmp_path / "pusher.log")
    try:
        pusher.launch()

        wait_for(lambda: find_refused(pusher), "the end of its login")
        assert "disconnected" == pusher.health()[1]["ejabberd"]
        assert not any("rooms connected" in line["message"] for line in pusher.logs())
    finally:
        pusher.close()
