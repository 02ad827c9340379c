"""The whole stack: what is started, in which order, and kept alive.

`start` brings everything up and writes `stack.json`; `watch` starts again what
dies and keeps the pids in that file true; `stop` ends all of it, last first.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import ejabberd, gateway, postgres, rabbitmq, services, web
from .addresses import is_free, wait_until_free
from .errors import PortTaken
from .process import Part
from .settings import Settings, write_private

_RESTART_DELAY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_CALM_AFTER_S = 30.0
# The gateway's port may be in the last moments of an earlier stack.
_PORT_TIMEOUT_S = 3.0


class Stack:
    """A local stack in a run directory that is claimed. One thread only uses it."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self.settings = settings
        self._tell = tell
        self._deaths: dict[str, int] = {}
        self._started_at: dict[str, float] = {}
        self._restart_at: dict[str, float] = {}
        self._stopped: set[str] = set()
        self._api_key = ""
        self._written: dict[str, int | None] = {}
        make = [
            postgres.make_part,
            rabbitmq.make_epmd,
            rabbitmq.make_part,
            ejabberd.make_part,
            services.make_records_api,
            services.make_relay,
            services.make_pusher,
            web.make_part,
            gateway.make_part,
        ]
        self.parts: dict[str, Part] = {
            part.name: part for part in (each(settings) for each in make)
        }

    def start(self) -> None:
        """Bring everything up.

        1. Stores, with their first-start preparations. 2. Tables, the feed `demo`, a
        key: while RabbitMQ and ejabberd start. 3. The services. 4. `stack.json`.
        Raises StackError; what was started by then is stopped by `stop`.
        """
        self._check_port()
        if self.settings.given_database_url:
            services.check_database(self.settings)
        self._file.unlink(missing_ok=True)
        self._start_stores()
        self._prepare_records()
        self._wait_for_stores()
        self._start("records-api", "relay", "pusher", "web", "gateway")
        self._wait("records-api", "relay", "pusher", "web", "gateway")
        self._write_facts()

    def watch(self) -> None:
        """Start again what has died; call this a few times a second."""
        now = time.monotonic()
        for name, part in self.parts.items():
            if name in self._stopped or part.is_alive():
                continue
            if name not in self._restart_at:
                self._plan_restart(name, now)
            elif now >= self._restart_at[name]:
                self._start(name)
        self._write_facts()

    def stop(self) -> None:
        """End every part, the last started first."""
        for part in reversed(self.parts.values()):
            part.stop()
        self._file.unlink(missing_ok=True)

    def stop_part(self, name: str) -> None:
        """Stop one part and leave it stopped until `start_part`."""
        self._stopped.add(name)
        self._restart_at.pop(name, None)
        self.parts[name].stop()
        self._write_facts()

    def start_part(self, name: str) -> None:
        """Start a stopped part and wait until it serves. Raises NotReady."""
        part = self.parts[name]
        if not part.is_alive():
            self._start(name)
        self._stopped.discard(name)
        part.wait_ready()
        self._write_facts()

    def _check_port(self) -> None:
        port = self.settings.port
        if not is_free(port) and not wait_until_free(port, _PORT_TIMEOUT_S):
            raise PortTaken(port)

    def _start_stores(self) -> None:
        settings = self.settings
        self._tell("PostgreSQL, RabbitMQ, ejabberd …")
        rabbitmq.prepare(settings)
        self._start("epmd")
        self._wait("epmd")
        self._start("rabbitmq")
        postgres.prepare_cluster(settings)
        self._start("postgres")
        self._wait("postgres")
        postgres.prepare_databases(settings)
        ejabberd.prepare(settings)
        self._start("ejabberd")

    def _wait_for_stores(self) -> None:
        self._wait("ejabberd")
        ejabberd.register_pusher(self.settings)
        self._wait("rabbitmq")

    def _prepare_records(self) -> None:
        settings = self.settings
        self._tell("records-api, relay, pusher, web …")
        services.manage(settings, "migrate", "--no-input", "--verbosity=0")
        services.manage(settings, "create_feed", "demo", "--title=Demo", "--exists-ok")
        key_file = settings.run_dir / "api-key"
        kept = key_file.read_text().strip() if key_file.exists() else ""
        self._api_key = services.manage(
            settings, "create_key", "local", "--all-feeds",
            "--read", "--write", "--manage", "--grant", "--kept", text=kept,
        )  # fmt: skip
        if self._api_key != kept:
            write_private(key_file, self._api_key + "\n")
            if kept:
                self._tell(
                    f"the key in {key_file} was of another database, or lacked a right:"
                    " there is a new one"
                )

    def _start(self, *names: str) -> None:
        for name in names:
            self._restart_at.pop(name, None)
            self.parts[name].start()
            self._started_at[name] = time.monotonic()

    def _wait(self, *names: str) -> None:
        for name in names:
            self.parts[name].wait_ready()

    def _plan_restart(self, name: str, now: float) -> None:
        if now - self._started_at.get(name, now) > _CALM_AFTER_S:
            self._deaths[name] = 0
        deaths = self._deaths.get(name, 0)
        delay = _RESTART_DELAY_S[min(deaths, len(_RESTART_DELAY_S) - 1)]
        self._deaths[name] = deaths + 1
        self._restart_at[name] = now + delay
        process = self.parts[name].process
        code = process.returncode if process else None
        self._tell(f"{name} ended with {code}; starting it again")

    @property
    def _file(self) -> Path:
        return self.settings.run_dir / "stack.json"

    def _write_facts(self) -> None:
        pids = {
            name: part.pid if part.is_alive() else None
            for name, part in self.parts.items()
            if name != "epmd"
        }
        if pids == self._written:
            return
        self._written = pids
        write_private(self._file, json.dumps(self.facts() | {"pids": pids}, indent=2))

    def facts(self) -> dict[str, object]:
        """What `stack.json` says, but the pids."""
        settings = self.settings
        socket_url = settings.url.replace("http", "ws", 1)
        return {
            "url": settings.url,
            "api_key": self._api_key,
            "database_url": settings.database_url,
            "ticket_secret": settings.secrets["ticket"],
            "amqp_url": settings.amqp_url,
            "xmpp": {
                "domain": settings.domain,
                "guest_domain": settings.guest_domain,
                "ticket_domain": settings.ticket_domain,
                "rooms_domain": settings.rooms_domain,
                "c2s_port": settings.ports["ejabberd_c2s"],
                "websocket_url": f"{socket_url}/xmpp-websocket",
                "bosh_url": f"{settings.url}/http-bind",
            },
        }


def tell_on_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
