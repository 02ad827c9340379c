"""Whose pages may connect, what browsers are told, and the gateway under HTTPS."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from aviso_native.addresses import find_free_port, is_free
from aviso_native.gateway import CONFIGURATION, make_env
from aviso_native.settings import find_program

from .running import Stack
from .waiting import ALIVE_S, until

EMBEDDING = "https://shop.example"
FOREIGN = "https://evil.example"
BOSH = (
    b"<body xmlns='http://jabber.org/protocol/httpbind' to='guest.localhost' rid='1'"
    b" wait='1' hold='1' ver='1.6' xml:lang='en'/>"
)
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "xmpp",
}


@pytest.fixture(scope="module")
def https_port(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The gateway before the same stack, as a domain has it; one site may embed."""
    home = tmp_path_factory.mktemp("gateway")
    port = find_free_port()
    make_certificate(home / "site.pem")
    origins = f"https://first.example, {EMBEDDING}"
    bind = f"127.0.0.1:{port} ssl crt {home}/site.pem strict-sni alpn h2,http/1.1"
    log = (home / "log").open("wb")
    gateway = subprocess.Popen(
        [
            find_program("haproxy", "haproxy", "/usr/sbin/haproxy"),
            *("-db", "-f", str(CONFIGURATION)),
        ],
        env=make_env(stack.settings, bind, f"https://localhost:{port}", origins),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    try:
        until(lambda: not is_free(port), "the gateway to listen", 30)
        yield port
    finally:
        gateway.terminate()
        gateway.wait(ALIVE_S)
        log.close()


def make_certificate(file: Path) -> None:
    """Make one for `localhost`, with its key in the same file."""
    parts = file.with_suffix(".key"), file.with_suffix(".crt")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(parts[0]), "-out", str(parts[1])),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    file.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()


class Reply:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers


def _any_certificate() -> ssl.SSLContext:
    """It vouches for itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(
    port: int,
    path: str,
    *,
    origin: str = "",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    is_https: bool = False,
) -> Reply:
    sent = {**(headers or {}), **({"Origin": origin} if origin else {})}
    connection = (
        http.client.HTTPSConnection(
            "localhost", port, timeout=ALIVE_S, context=_any_certificate()
        )
        if is_https
        else http.client.HTTPConnection("localhost", port, timeout=ALIVE_S)
    )
    with closing(connection):
        connection.request("POST" if body else "GET", path, body, sent)
        return Reply(connection.getresponse())


@pytest.mark.parametrize("origin", [FOREIGN, EMBEDDING, "null"])
def test_a_page_of_another_origin_gets_no_websocket(origin: str, stack: Stack) -> None:
    path = "/xmpp-websocket"

    assert ask(stack.port, path, origin=origin, headers=UPGRADE).status == 403


@pytest.mark.parametrize("origin", [FOREIGN, EMBEDDING, "null"])
def test_a_page_of_another_origin_gets_no_bosh(origin: str, stack: Stack) -> None:
    assert ask(stack.port, "/http-bind", origin=origin, body=BOSH).status == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_origin_that_only_looks_like_ours_gets_nothing(
    host: str, stack: Stack
) -> None:
    for origin in (
        f"http://{host}:{stack.port}.evil.example",
        f"http://{host}:1",
        f"http://evil.example/{host}:{stack.port}",
    ):
        reply = ask(stack.port, "/xmpp-websocket", origin=origin, headers=UPGRADE)
        assert (origin, reply.status) == (origin, 403)


def test_the_own_page_and_no_browser_at_all_get_both(stack: Stack) -> None:
    for origin in (stack.url, ""):
        socket = ask(stack.port, "/xmpp-websocket", origin=origin, headers=UPGRADE)
        bosh = ask(stack.port, "/http-bind", origin=origin, body=BOSH)
        assert (origin, socket.status, bosh.status) == (origin, 101, 200)
        assert "Access-Control-Allow-Origin" not in bosh.headers


def test_a_listed_site_may_connect_and_no_other(https_port: int) -> None:
    asked = {
        origin: ask(https_port, "/http-bind", origin=origin, body=BOSH, is_https=True)
        for origin in (EMBEDDING, FOREIGN, "https://shop.example.evil.example")
    }

    allowed = asked.pop(EMBEDDING)
    assert allowed.status == 200
    assert allowed.headers.get_all("Access-Control-Allow-Origin") == [EMBEDDING]
    assert {reply.status for reply in asked.values()} == {403}


def test_a_listed_site_gets_a_websocket(https_port: int) -> None:
    reply = ask(
        https_port,
        "/xmpp-websocket",
        origin=EMBEDDING,
        headers=UPGRADE,
        is_https=True,
    )

    assert reply.status == 101


@pytest.mark.parametrize("path", ["/", "/api/v1/feeds/", "/admin/login/"])
def test_https_asks_browsers_to_stay_with_it(path: str, https_port: int) -> None:
    reply = ask(https_port, path, is_https=True)

    assert "max-age=31536000" in reply.headers["Strict-Transport-Security"]


def test_http_makes_no_such_promise(stack: Stack) -> None:
    assert "Strict-Transport-Security" not in ask(stack.port, "/").headers


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/api/docs/", "/api/v1/feeds/"])
def test_a_page_runs_no_script_but_its_own_origins(path: str, stack: Stack) -> None:
    policy = ask(stack.port, path).headers["Content-Security-Policy"]

    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "*" not in policy


@pytest.mark.parametrize("path", ["/api/v1/feeds/", "/admin/login/", "/"])
def test_no_answer_is_for_every_origin(path: str, stack: Stack) -> None:
    assert (
        "Access-Control-Allow-Origin"
        not in ask(stack.port, path, origin=FOREIGN).headers
    )


def test_the_admin_site_works_under_its_policy(stack: Stack, browser: Browser) -> None:
    tab = browser.new_context().new_page()
    refused: list[str] = []
    tab.on("console", lambda message: refused.append(message.text))

    tab.goto(f"{stack.url}/admin/login/")
    color = tab.locator("#header").evaluate("e => getComputedStyle(e).backgroundColor")
    tab.context.close()

    assert color != "rgba(0, 0, 0, 0)"
    assert [text for text in refused if "Content Security Policy" in text] == []
