"""A private RabbitMQ node for the tests: loopback only, free ports, an epmd of its own.

Debian's wrapper /usr/sbin/rabbitmq-server changes to the system's user and directories;
what it calls does not, so that is what runs here.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aviso_native.addresses import find_free_ports
from aviso_native.definitions import make_definitions

START_S = 240
QUEUES = 2
_BIN = Path("/usr/lib/rabbitmq/bin")
_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
load_definitions = {definitions}
log.file = false
log.console = true
log.console.level = warning
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.relative = 0.4
max_message_size = {max_message_bytes}
"""
# Smaller than an event may be, so that a test can send one that is too large.
MAX_MESSAGE_BYTES = 30_000


class Node:
    """One node, which a test may stop, kill and start again; its data stays."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._dist_port, self._epmd_port = find_free_ports(3)
        self._passwords = {
            user: secrets.token_hex(16) for user in ("aviso", "pusher", "operator")
        }
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self.definitions = self._make_definitions()
        self._prepare()

    @property
    def url(self) -> str:
        """The relay's."""
        return self._url("aviso")

    @property
    def pusher_url(self) -> str:
        return self._url("pusher")

    @property
    def operator_url(self) -> str:
        """Of a person who may do everything; the stack has none."""
        return self._url("operator")

    def _url(self, user: str) -> str:
        return f"amqp://{user}:{self._passwords[user]}@127.0.0.1:{self._port}/%2F"

    def start(self) -> None:
        if self._epmd is None:
            epmd = _find("epmd")
            command = [epmd, "-address", "127.0.0.1", "-port", str(self._epmd_port)]
            self._epmd = self._spawn(command, "epmd.log")
            _wait_for_port(self._epmd, self._epmd_port, self._folder / "epmd.log")
        log = "rabbitmq.log"
        self._server = self._spawn([str(_BIN / "rabbitmq-server")], log)
        _wait_for_port(self._server, self._port, self._folder / log)
        # The port answers a moment before the node takes connections.
        self.control("await_startup")

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def begin_anew(self) -> None:
        """Stop it and start it with nothing but the definitions."""
        self.stop()
        shutil.rmtree(self._folder / "data")
        self.start()

    def close(self) -> None:
        self.stop()
        if self._epmd is not None:
            self._epmd.terminate()
            self._epmd.wait(30)

    def log_end(self, lines: int = 60) -> str:
        log = (self._folder / "rabbitmq.log").read_text(errors="replace")
        return "\n".join(log.splitlines()[-lines:])

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl against this node."""
        command = [str(_BIN / "rabbitmqctl"), "--quiet", *arguments]
        done = subprocess.run(
            command,
            env=self._environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def _end(self, number: signal.Signals) -> None:
        if self._server is None:
            return
        self._server.send_signal(number)
        try:
            self._server.wait(60)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None

    def _spawn(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self._folder / log).open("ab") as output:
            return subprocess.Popen(
                # It gets a signal when the tests' process dies without a word.
                ["setpriv", "--pdeathsig", "TERM", *command],  # noqa: S607 (PATH's)
                env=self._environment(),
                cwd=self._folder,
                stdout=output,
                stderr=output,
            )

    def _make_definitions(self) -> dict[str, Any]:
        definitions: dict[str, Any] = json.loads(
            make_definitions(
                QUEUES, self._passwords["aviso"], self._passwords["pusher"]
            )
        )
        operator = {"name": "operator", "password": self._passwords["operator"]}
        definitions["users"].append({**operator, "tags": "administrator"})
        all_rights = dict.fromkeys(("configure", "write", "read"), ".*")
        definitions["permissions"].append(
            {"user": "operator", "vhost": "/", **all_rights}
        )
        return definitions

    def _prepare(self) -> None:
        configuration = _CONFIGURATION.format(
            port=self._port,
            definitions=self._folder / "definitions.json",
            max_message_bytes=MAX_MESSAGE_BYTES,
        )
        (self._folder / "rabbitmq.conf").write_text(configuration)
        (self._folder / "definitions.json").write_text(json.dumps(self.definitions))
        (self._folder / "enabled_plugins").write_text(
            "[rabbitmq_consistent_hash_exchange].\n"
        )
        cookie = self._folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return {
            "PATH": f"{_BIN}:{os.environ['PATH']}",
            "HOME": folder,
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_NODENAME": f"aviso-test-{os.getpid()}@localhost",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_MNESIA_DIR": f"{folder}/data",
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none"
            ),
            # The start script then becomes the node itself: our child is the server.
            "RUNNING_UNDER_SYSTEMD": "1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }


@contextlib.contextmanager
def private_rabbitmq() -> Iterator[Node]:
    folder = Path(tempfile.mkdtemp(prefix="aviso-test-mq-"))
    node = Node(folder)
    try:
        node.start()
        yield node
    finally:
        node.close()
        shutil.rmtree(folder, ignore_errors=True)


def _find(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} not found: install rabbitmq-server")
    return found


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"it did not start:\n{log.read_text(errors='replace')}")
