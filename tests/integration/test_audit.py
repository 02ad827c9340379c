"""deploy/audit.sh, against a service that answers as OSV does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
CANARY = ("django", "2.2.0")


@contextmanager
def advisories(*bad: str, sees: bool = True) -> Iterator[str]:
    """Serve advisories for the canary and for every version of the packages `bad`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name, version = asked["package"]["name"], asked["version"]
            is_bad = sees and ((name, version) == CANARY or name in bad)
            body = json.dumps({"vulns": [_advisory(name)]} if is_bad else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _advisory(name: str) -> dict[str, object]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999"}]}]
    package = {"ecosystem": "PyPI", "name": name}
    return {
        "id": "TEST-1",
        "details": "made for this test",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": package, "ranges": ranges}],
    }


def audit(url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["deploy/audit.sh", str(Path(sys.executable).parent)],
        cwd=REPOSITORY,
        env={**os.environ, "AVISO_OSV_URL": url, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_packages_without_an_advisory_pass() -> None:
    with advisories() as url:
        result = audit(url)

    assert (result.returncode, result.stdout) == (0, "")
    assert "Python packages" not in result.stderr


def test_a_locked_package_with_an_advisory_is_named() -> None:
    with advisories("pika") as url:
        result = audit(url)

    assert result.returncode == 1
    assert "services/records-api/requirements.txt:" in result.stdout
    assert "pika" in result.stdout


def test_a_service_that_knows_nothing_is_no_clean_audit() -> None:
    with advisories(sees=False) as url:
        result = audit(url)
        required = audit(url, AVISO_AUDIT="required")

    assert "NOT AUDITED: Python packages" in result.stderr
    assert (result.returncode, required.returncode) == (0, 1)
