"""The service as it runs: gunicorn with its workers, on a port, over HTTP."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aviso_native.addresses import find_free_port
from django.db import connection

SERVICE = Path(__file__).resolve().parents[1]
DEADLINE_S = 120


class Server:
    """`log` is where all that it says stands."""

    def __init__(self, port: int, process: subprocess.Popen[str], log: Path) -> None:
        self.port = port
        self.process = process
        self.log = log

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, bytes]:
        peer = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            peer.request(
                method,
                path,
                body,
                {"Content-Type": "application/json", **headers},
                encode_chunked="Transfer-Encoding" in headers,
            )
            response = peer.getresponse()
            return response.status, response.read()
        finally:
            peer.close()

    def count_requests(self, label: str) -> float:
        """Count the requests so far of the metric's lines that hold `label`."""
        lines = self.call("GET", "/metrics")[1].decode().splitlines()
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith("aviso_request_seconds_count") and label in line
        )


def database_url() -> str:
    """Name the tests' database."""
    made = connection.settings_dict
    return (
        f"postgresql://{made['USER']}:{made['PASSWORD']}@{made['HOST']}:{made['PORT']}"
        f"/{made['NAME']}"
    )


@contextmanager
def serving(folder: Path, url: str = "") -> Iterator[Server]:
    """Serve from the tests' database, or from another one."""
    port = find_free_port()
    environment = {
        **os.environ,
        "AVISO_BIND": f"127.0.0.1:{port}",
        "AVISO_DATABASE_URL": url or database_url(),
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "records_api.wsgi"],
            cwd=SERVICE,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    server = Server(port, process, log)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if server.call("GET", "/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the service did not start:\n{server.log.read_text()}")
