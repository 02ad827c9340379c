"""Private RabbitMQ and ejabberd for the tests, each on free loopback ports.

Every process is a child of the test, is ended by its own pid, and keeps its files
in a temporary directory. Nothing here touches a server that was running before.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from contextlib import closing
from pathlib import Path

import pika
from aviso_native.addresses import find_free_ports, is_listening
from aviso_native.definitions import make_definitions

from real import postgres
from real.postgres import Postgres
from real.waiting import ALIVE_S, START_S, wait_for

HERE = Path(__file__).parent
_PASSWORD = "broker-test-password"
RABBITMQ_SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
MODULE = Path(__file__).parents[4] / "deploy/ejabberd/mod_feed_archive.erl"


class Rabbit:
    """RabbitMQ with an epmd of its own and the consistent-hash exchange."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port, self.epmd_port, self.dist_port = find_free_ports(3)
        self.url = self._url("operator")
        """Of a person who may do everything."""
        self.pusher_url = self._url("pusher") + "?heartbeat=5"
        self.definitions = directory / "definitions.json"
        self.definitions.write_text(_make_definitions())
        (directory / "enabled_plugins").write_text(
            "[rabbitmq_consistent_hash_exchange].\n"
        )
        (directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\n"
            f"load_definitions = {self.definitions}\n"
            "log.file.level = warning\n"
            "vm_memory_high_watermark.absolute = 1GB\n"
            "disk_free_limit.absolute = 50MB\n"
        )
        self.epmd = subprocess.Popen(
            ["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL,
        )
        self.process: subprocess.Popen[bytes] | None = None

    def _url(self, user: str) -> str:
        return f"amqp://{user}:{_PASSWORD}@127.0.0.1:{self.port}/%2F"

    def start(self) -> None:
        directory = self.directory
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"aviso{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "no-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1}"
                " +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            # The start script then replaces itself with the server: our pid is its.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
        with (directory / "stdout").open("ab") as output:
            self.process = subprocess.Popen(
                [RABBITMQ_SERVER],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_for(lambda: self._is_up(), "RabbitMQ's start", START_S)

    def delete_queue(self, name: str) -> None:
        with closing(pika.BlockingConnection(pika.URLParameters(self.url))) as each:
            each.channel().queue_delete(name)

    def load_definitions(self) -> None:
        """Make the queues and bindings that are missing, as loading them does."""
        definitions = json.loads(self.definitions.read_text())
        with closing(pika.BlockingConnection(pika.URLParameters(self.url))) as each:
            channel = each.channel()
            for queue in definitions["queues"]:
                channel.queue_declare(
                    queue["name"], durable=True, arguments=queue["arguments"]
                )
            for bound in definitions["bindings"]:
                if bound["destination_type"] == "queue":
                    channel.queue_bind(
                        bound["destination"], bound["source"], bound["routing_key"]
                    )

    def _is_up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "stdout").read_text()[-3000:])
        return is_listening(self.port)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(ALIVE_S)
            self.process = None

    def close(self) -> None:
        self.stop(signal.SIGKILL)
        self.epmd.terminate()
        self.epmd.wait(ALIVE_S)


def _make_definitions() -> str:
    definitions = json.loads(make_definitions(2, _PASSWORD, _PASSWORD))
    operator = {"name": "operator", "password": _PASSWORD, "tags": "administrator"}
    definitions["users"].append(operator)
    rights = dict.fromkeys(("configure", "write", "read"), ".*")
    definitions["permissions"].append({"user": "operator", "vhost": "/", **rights})
    return json.dumps(definitions)


class Ejabberd:
    """ejabberd without epmd, with a PostgreSQL of its own for the archive.

    ``modules`` False leaves out mod_feed_archive; ``source`` is another text of it.
    """

    DOMAIN = "acct.test"
    GUESTS = "anon.test"
    TICKETS = "ticket.acct.test"
    ROOMS = "feeds.test"
    PASSWORD = "pusher-test-password"

    def __init__(
        self,
        directory: Path,
        use_tls: bool = False,
        has_module: bool = True,
        source: str | None = None,
    ) -> None:
        self.directory = directory
        self.c2s_port, self.api_port = find_free_ports(2)
        self.postgres = Postgres(directory)
        (directory / "log").mkdir()
        (directory / "db").mkdir()
        text = (HERE / "ejabberd.yml").read_text()
        for name, value in {
            "@DIRECTORY@": str(directory),
            "@C2S_PORT@": str(self.c2s_port),
            "@API_PORT@": str(self.api_port),
            "@SQL_PORT@": str(self.postgres.port),
        }.items():
            text = text.replace(name, value)
        if not has_module:
            text = text.replace("      mod_feed_archive: {rooms: feeds.test}\n", "")
        if use_tls:
            certificate = self._make_certificate()
            text = text.replace("certfiles: []", f'certfiles: ["{certificate}"]')
            text = text.replace("starttls: false", "starttls_required: true")
        (directory / "ejabberd.yml").write_text(text)
        (directory / "inetrc").write_text(
            '{lookup,["file","native"]}.\n{host,{127,0,0,1},["localhost"]}.\n'
        )
        self._compile(MODULE.read_text() if source is None else source)
        self.postgres.start()
        self.postgres.make_database()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        directory = self.directory
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "EJABBERD_CONFIG_PATH": str(directory / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(directory / "log" / "ejabberd.log"),
            "ERL_LIBS": "/usr/lib/x86_64-linux-gnu",
            "ERL_CRASH_DUMP_BYTES": "0",
            "ERL_INETRC": str(directory / "inetrc"),
            "ERL_MAX_PORTS": "65536",
        }
        command = ["erl", "+K", "true", "+P", "250000", "-noinput"]
        command += ["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]
        command += ["-pa", str(directory / "beam")]
        command += ["-mnesia", "dir", f'"{directory / "db"}"', "-s", "ejabberd"]
        with (directory / "log" / "stdout").open("ab") as output:
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_for(lambda: self._is_up(), "ejabberd's start", START_S)

    def _is_up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            log = self.directory / "log" / "ejabberd.log"
            raise RuntimeError(log.read_text()[-3000:])
        try:
            self.call("status")
        except OSError:
            return False
        return True

    def _compile(self, source: str) -> None:
        beam = self.directory / "beam"
        beam.mkdir()
        (beam / MODULE.name).write_text(source)
        (beam / "mod_feed_archive.sql").write_text(
            MODULE.with_suffix(".sql").read_text()
        )
        (library,) = Path("/usr/lib").glob("*-linux-gnu/ejabberd-23.01")
        subprocess.run(
            ["erlc", "-pa", str(library / "ebin"), "-o", str(beam), MODULE.name],
            cwd=beam,
            check=True,
        )

    def _make_certificate(self) -> Path:
        """Make a certificate for the domain that signs itself; its key is in it."""
        path = self.directory / "both.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
        command += ["-days", "2", "-subj", f"/CN={self.DOMAIN}"]
        command += ["-addext", f"subjectAltName=DNS:{self.DOMAIN}"]
        command += ["-keyout", str(path), "-out", str(path) + ".crt"]
        subprocess.run(command, check=True, capture_output=True)
        self.certificate = Path(f"{path}.crt")
        with path.open("ab") as both:
            both.write(self.certificate.read_bytes())
        return path

    def call(self, command: str, **arguments: object) -> object:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.api_port}/api/{command}",
            data=json.dumps(arguments).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=ALIVE_S) as answer:
            return json.loads(answer.read() or b"null")

    def register(self, user: str, password: str, host: str = DOMAIN) -> None:
        self.call("register", user=user, host=host, password=password)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(ALIVE_S)
            self.process = None

    def close(self) -> None:
        self.stop(signal.SIGKILL)
        self.postgres.close()


def has_servers() -> bool:
    return (
        Path(RABBITMQ_SERVER).exists()
        and postgres.is_there()
        and all(shutil.which(name) for name in ("erl", "erlc", "epmd"))
    )
