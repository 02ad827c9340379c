"""The one origin: documentation, health, and the addresses it names to clients."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from aviso_native import gateway
from aviso_native.settings import find_program

from .api import Api
from .running import Stack
from .waiting import ALIVE_S, until

BOSH = "http://jabber.org/protocol/httpbind"


def test_the_openapi_schema_is_served(guest_api: Api) -> None:
    answer = guest_api.call("GET", "/api/schema/?format=json")

    assert answer.status == 200
    assert answer.json["openapi"].startswith("3.")
    assert "/api/v1/feeds/{feed}/records/" in answer.json["paths"]


def test_swagger_ui_shows_the_operations(stack: Stack, browser: Browser) -> None:
    tab = browser.new_context().new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    # What the Content-Security-Policy refuses, the console says.
    tab.on("console", lambda line: errors.append(line.text))

    tab.goto(f"{stack.url}/api/docs/")

    tab.locator(".opblock").first.wait_for()
    tab.get_by_text("/api/v1/feeds/{feed}/records/").first.wait_for()
    tab.locator(".opblock-summary").first.click()
    tab.locator(".opblock.is-open").wait_for()
    tab.context.close()
    assert errors == []


def test_haproxy_takes_what_it_is_given_with_a_domain(stack: Stack) -> None:
    done = subprocess.run(
        [
            find_program("haproxy", "haproxy", "/usr/sbin/haproxy"),
            *("-c", "-f", gateway.CONFIGURATION),
            *("-f", gateway.CONFIGURATION.with_name("https.cfg")),
        ],
        env=gateway.make_env(stack.settings, ":1", stack.url, ""),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("part", ["records_api", "relay", "pusher"])
def test_every_part_says_that_it_is_alive(part: str, stack: Stack) -> None:
    # Another test may have broken what it hangs on, and is not waited for twice.
    until(lambda: read(stack, part, "/healthz"), f"{part} to be well", 60)


@pytest.mark.parametrize("part", ["records_api", "relay", "pusher"])
def test_every_part_has_metrics(part: str, stack: Stack) -> None:
    text = until(lambda: read(stack, part, "/metrics"), f"{part}'s metrics", 60)

    assert "# TYPE aviso_" in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_how_a_part_is_stays_inside(path: str, guest_api: Api) -> None:
    assert guest_api.call("GET", path).status == 404


def test_the_named_websocket_address_speaks_xmpp(guest_api: Api) -> None:
    url = urlsplit(guest_api.get("connection/")["websocket_url"])
    assert url.scheme == "ws"

    with socket.create_connection(
        (url.hostname, url.port), timeout=ALIVE_S
    ) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Protocol: xmpp\r\n\r\n".encode()
        )
        head = ""
        while "\r\n\r\n" not in head and (more := connection.recv(4096)):
            head += more.decode()

    assert head.startswith("HTTP/1.1 101 ")
    assert "sec-websocket-protocol: xmpp" in head.lower()


def test_the_named_bosh_address_speaks_xmpp(guest_api: Api) -> None:
    facts = guest_api.get("connection/")
    body = (
        f"<body xmlns='{BOSH}' to='{facts['guest_domain']}' rid='1' wait='1' hold='1'"
        " ver='1.6' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>"
    )
    request = urllib.request.Request(
        facts["bosh_url"], body.encode(), {"Content-Type": "text/xml"}
    )

    def session() -> re.Match[str] | None:
        with urllib.request.urlopen(request, timeout=ALIVE_S) as answer:
            return re.search(r"\bsid='([^']+)'", answer.read().decode())

    assert until(session, "a BOSH session")


def test_the_named_domains_are_the_stacks(stack: Stack, guest_api: Api) -> None:
    facts = guest_api.get("connection/")

    xmpp = stack.facts["xmpp"]
    for name in ("domain", "guest_domain", "rooms_domain", "websocket_url", "bosh_url"):
        assert facts[name] == xmpp[name]
    assert facts["registration"] == "open"


@pytest.mark.parametrize("folder", ["", "feed-client/"])
def test_what_the_page_and_the_library_bundle_comes_with_its_licenses(
    folder: str, stack: Stack
) -> None:
    with urllib.request.urlopen(
        f"{stack.url}/{folder}licenses.md", timeout=ALIVE_S
    ) as told:
        text = told.read().decode()

    for package in ("strophe.js", "lit-html"):
        assert f"## {package} - " in text


def test_the_library_is_kept_for_ever_and_its_short_address_asked_each_time(
    stack: Stack,
) -> None:
    def fetch(path: str) -> tuple[str | None, str | None, str]:
        with urllib.request.urlopen(f"{folder}/{path}", timeout=ALIVE_S) as answer:
            told = answer.headers
            return (
                told["Cache-Control"],
                told["Access-Control-Allow-Origin"],
                answer.read().decode(),
            )

    folder = f"{stack.url}/feed-client"
    caching, readers, short = fetch("aviso-feed.js")
    assert (caching, readers) == ("no-cache", "*")
    found = re.fullmatch(r'export \* from "\./([\w-]+/aviso-feed\.js)";\n', short)
    assert found, short

    caching, readers, text = fetch(found[1])

    assert (caching, readers) == ("public, max-age=31536000, immutable", "*")
    assert "AvisoClient" in text
    with pytest.raises(urllib.error.HTTPError) as missing:
        fetch("another/aviso-feed.js")
    with missing.value:
        assert missing.value.code == 404
        assert missing.value.headers["Cache-Control"] == "no-cache"


def read(stack: Stack, part: str, path: str) -> str:
    """What a part answers on the port of its own; empty when it is not well."""
    url = f"http://127.0.0.1:{stack.settings.ports[part]}{path}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text: str = answer.read().decode()
    except OSError:
        return ""
    return text
