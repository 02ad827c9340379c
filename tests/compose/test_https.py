"""With a domain: the certificate comes by itself, and everything goes by HTTPS.

The gateway and the page alone, before a certificate authority of the test's own.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .stack import COMPOSE_FILE, REPOSITORY, SECRETS, clean_environment

pytestmark = pytest.mark.timeout(1500)

DOMAIN = "aviso.test"
# Of loopback, and nobody else's.
ADDRESS = "127.0.0.80"
_BUILD_TIMEOUT_S = 1200
_AUTHORITY = {
    "pebble": {
        "listenAddress": "0.0.0.0:14000",
        "managementListenAddress": "0.0.0.0:15000",
        "certificate": "/etc/acme/cert.pem",
        "privateKey": "/etc/acme/key.pem",
        # What the outside has at port 80.
        "httpPort": 8080,
        "tlsPort": 8443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
}

Compose = Callable[..., str]


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """Run `docker compose` on a stack of `web`, `gateway` and the authority."""
    folder = tmp_path_factory.mktemp("acme")
    make_authority(folder)
    files = [
        COMPOSE_FILE,
        REPOSITORY / "deploy/compose.https.yml",
        REPOSITORY / "tests/compose/https.yml",
    ]
    environment = clean_environment() | {
        "COMPOSE_PROJECT_NAME": f"aviso-test-{uuid.uuid4().hex[:8]}",
        "ACME_FOLDER": str(folder),
        "AVISO_DOMAIN": DOMAIN,
        "AVISO_BIND_ADDRESS": ADDRESS,
        "AVISO_ACME_DIRECTORY": "https://acme:14000/dir",
        **dict.fromkeys(SECRETS, "x" * 32),
    }

    def run(*arguments: str, timeout_s: float = 300) -> str:
        done = subprocess.run(
            ["docker", "compose", *(f"--file={file}" for file in files), *arguments],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    try:
        run("build", "acme", "web", "gateway", timeout_s=_BUILD_TIMEOUT_S)
        run("up", "--detach", "--no-build", "--no-deps", "acme", "web", "gateway")
        yield run
    finally:
        print(run("logs", "--no-color", "--tail=30"))
        run("down", "--volumes", "--timeout=5")


@pytest.fixture(scope="module")
def certified(compose: Compose) -> Compose:
    """The same, once the page is served."""
    deadline = time.monotonic() + 120
    while True:
        try:
            assert ask("/").status == 200
        except OSError as error:
            assert time.monotonic() < deadline, f"still no certificate: {error}"
            time.sleep(1)
        else:
            return compose


def test_the_certificate_is_the_authoritys(certified: Compose) -> None:
    context = ssl.create_default_context(cadata=root_of_authority(certified))

    with (
        socket.create_connection((ADDRESS, 443), 10) as tcp,
        context.wrap_socket(tcp, server_hostname=DOMAIN) as wrapped,
    ):
        names = wrapped.getpeercert() or {}

    assert names["subjectAltName"] == (("DNS", DOMAIN),)


def test_the_page_comes_by_https_and_is_to_stay_there(certified: Compose) -> None:
    answer = ask("/")

    assert "Strict-Transport-Security" in answer.headers
    assert "text/html" in answer.headers["Content-Type"]


def test_http_is_sent_to_https(certified: Compose) -> None:
    connection = http.client.HTTPConnection(ADDRESS, 80, timeout=10)
    with closing(connection):
        connection.request("GET", "/some?page=1", headers={"Host": DOMAIN})
        answer = connection.getresponse()

    assert answer.status == 308
    assert answer.headers["Location"] == f"https://{DOMAIN}/some?page=1"


def test_another_certificate_is_taken_up(certified: Compose) -> None:
    before = served_certificate()

    # Without one Caddy asks for one, as it does in time for the next.
    certified("exec", "-T", "web", "sh", "-c", "rm -r /data/caddy/certificates")
    certified("restart", "web")

    deadline = time.monotonic() + 120
    while served_certificate() == before:
        assert time.monotonic() < deadline, "the old certificate is still served"
        time.sleep(1)


def make_authority(folder: Path) -> None:
    """Write what the authority reads: its settings, and a certificate of its own."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=acme"),
            *("-addext", "subjectAltName=DNS:acme"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (folder / "config.json").write_text(json.dumps(_AUTHORITY))
    # The containers' users read them.
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)


def root_of_authority(compose: Compose) -> str:
    """The authority makes it anew at each start, and tells it."""
    told = "curl --noproxy '*' -sf https://acme:15000/roots/0"
    return compose("exec", "-T", "web", "sh", "-c", told)


def https_connection() -> http.client.HTTPSConnection:
    connection = http.client.HTTPSConnection(DOMAIN, timeout=10, context=_unchecked())
    tcp = socket.create_connection((ADDRESS, 443), 10)
    connection.sock = _unchecked().wrap_socket(tcp, server_hostname=DOMAIN)
    return connection


def ask(path: str) -> http.client.HTTPResponse:
    with closing(https_connection()) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer


def served_certificate() -> bytes | None:
    with closing(https_connection()) as connection:
        assert isinstance(connection.sock, ssl.SSLSocket)
        return connection.sock.getpeercert(binary_form=True)


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
