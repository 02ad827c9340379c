"""RabbitMQ: a private node with a private epmd, on loopback."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from .addresses import is_listening
from .definitions import make_definitions
from .process import Command, Part, run
from .settings import REPOSITORY, Settings, find_program, write_private

_SBIN = "/usr/lib/rabbitmq/bin"


def make_epmd(settings: Settings) -> Part:
    """Erlang's port mapper, of our own: the node would start one for everybody."""
    port = settings.ports["epmd"]
    return Part(
        name="epmd",
        command=lambda: Command(
            argv=[
                find_program("epmd", "erlang-base"),
                "-address",
                "127.0.0.1",
                "-port",
                str(port),
            ],
            env={"PATH": os.environ["PATH"]},
        ),
        is_ready=lambda: is_listening(port),
        log=settings.log("epmd"),
    )


def make_part(settings: Settings) -> Part:
    return Part(
        name="rabbitmq",
        command=lambda: _command(settings),
        is_ready=lambda: is_listening(settings.ports["amqp"]),
        log=settings.log("rabbitmq"),
        ready_timeout_s=90,
    )


def prepare(settings: Settings) -> None:
    """Write the node's configuration and Erlang's cookie."""
    home = _home(settings)
    home.mkdir(exist_ok=True)
    shared = (REPOSITORY / "deploy/rabbitmq/rabbitmq.conf").read_text()
    own = [
        f"listeners.tcp.1 = 127.0.0.1:{settings.ports['amqp']}",
        f"load_definitions = {home / 'definitions.json'}",
        # A laptop's disk is often fuller than a server's.
        "disk_free_limit.absolute = 200MB",
    ]
    write_private(home / "rabbitmq.conf", shared + "\n".join(own) + "\n")
    definitions = make_definitions(
        settings.queues,
        settings.secrets["rabbitmq"],
        settings.secrets["rabbitmq_pusher"],
    )
    write_private(home / "definitions.json", definitions)
    cookie = home / ".erlang.cookie"
    if not cookie.exists():
        write_private(cookie, settings.secrets["erlang_cookie"])
        cookie.chmod(0o400)


def load_definitions(settings: Settings) -> None:
    """Have the running node load its definitions again: what is missing is made."""
    ctl(settings, "import_definitions", str(_home(settings) / "definitions.json"))


def ctl(settings: Settings, *arguments: str, timeout_s: float = 60) -> str:
    """Run rabbitmqctl against this node and return what it printed."""
    program = find_program("rabbitmqctl", "rabbitmq-server", f"{_SBIN}/rabbitmqctl")
    return run([program, *arguments], _env(settings), timeout_s=timeout_s)


def _command(settings: Settings) -> Command:
    return Command(
        argv=[
            find_program(
                "rabbitmq-server", "rabbitmq-server", f"{_SBIN}/rabbitmq-server"
            )
        ],
        env=_env(settings),
        cwd=_home(settings),
        stop_timeout_s=30,
        # In order it would wait for epmd, which dies at the same moment.
        death_signal=signal.SIGKILL,
    )


def _env(settings: Settings) -> dict[str, str]:
    home = _home(settings)
    return {
        "PATH": f"{_SBIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "HOSTNAME": socket.gethostname(),
        "RABBITMQ_NODENAME": "aviso@localhost",
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(
            REPOSITORY / "deploy/rabbitmq/enabled_plugins"
        ),
        # The node's name is part of the path, and its number may change: name the
        # directory itself, so that a second start finds the data again.
        "RABBITMQ_MNESIA_BASE": str(home),
        "RABBITMQ_MNESIA_DIR": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_DIST_PORT": str(settings.ports["rabbitmq_distribution"]),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none"
        ),
        # The start script then becomes the node itself: our child is the server.
        "RUNNING_UNDER_SYSTEMD": "1",
        "ERL_EPMD_PORT": str(settings.ports["epmd"]),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }


def _home(settings: Settings) -> Path:
    return settings.run_dir / "rabbitmq"
