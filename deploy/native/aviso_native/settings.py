"""Where a local stack lives: its directory, ports and secrets, kept between starts."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .addresses import find_free_ports, is_free
from .errors import AlreadyRunning, MissingProgram, StackError
from .limits import Limits, read_limits

REPOSITORY = Path(__file__).resolve().parents[3]

_PORTS = (
    "postgres",
    "amqp",
    "rabbitmq_distribution",
    "epmd",
    "ejabberd_c2s",
    "ejabberd_http",
    "ejabberd_api",
    "records_api",
    "relay",
    "pusher",
    "web",
)
_SECRETS = (
    "django",
    "postgres",
    "aviso_database",
    "ejabberd_database",
    "rabbitmq",
    "rabbitmq_pusher",
    "erlang_cookie",
    "pusher",
    "ticket",
    "admin",
)


@dataclass(frozen=True)
class Settings:
    """A stack's directory, the page's port, and what `load` found or made."""

    run_dir: Path
    port: int
    ports: dict[str, int]
    secrets: dict[str, str]
    python: Path
    queues: int = 2
    domain: str = "localhost"
    limits: Limits = field(default_factory=Limits)
    # Somebody's database, in which Aviso's tables stand beside his own; None: our own.
    given_database_url: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def guest_domain(self) -> str:
        return f"guest.{self.domain}"

    @property
    def ticket_domain(self) -> str:
        return f"ticket.{self.domain}"

    @property
    def rooms_domain(self) -> str:
        return f"feeds.{self.domain}"

    @property
    def database_url(self) -> str:
        if self.given_database_url:
            return self.given_database_url
        return (
            f"postgresql://aviso:{self.secrets['aviso_database']}"
            f"@127.0.0.1:{self.ports['postgres']}/aviso"
        )

    @property
    def amqp_url(self) -> str:
        """The relay's way to RabbitMQ, whose user may publish events."""
        return self._amqp_url("aviso", "rabbitmq")

    @property
    def pusher_amqp_url(self) -> str:
        """The pusher's, whose user may not."""
        return self._amqp_url("pusher", "rabbitmq_pusher")

    def _amqp_url(self, user: str, secret: str) -> str:
        return (
            f"amqp://{user}:{self.secrets[secret]}@127.0.0.1:{self.ports['amqp']}/%2F"
        )

    def log(self, part: str) -> Path:
        return self.run_dir / "log" / f"{part}.log"


def find_run_dir(environ: dict[str, str]) -> Path:
    return Path(environ.get("AVISO_RUN_DIR") or REPOSITORY / ".run").resolve()


@contextmanager
def claim(run_dir: Path) -> Iterator[None]:
    """Hold a run directory, which is made if missing, for one stack alone.

    Raises AlreadyRunning, having changed nothing, while another stack holds it.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"a stack already runs in {run_dir}; "
                "set AVISO_RUN_DIR and AVISO_PORT for a second one"
            ) from None
        yield


def load(environ: dict[str, str]) -> Settings:
    """Read AVISO_PORT and AVISO_DATABASE_URL; make or read ports and secrets.

    They stand in the run directory, which is claimed.

    Ports stay the same from start to start while they are free.
    Raises StackError when a variable is wrong, naming it.
    """
    run_dir = find_run_dir(environ)
    port = read_port(environ.get("AVISO_PORT") or "8080")
    return Settings(
        run_dir=run_dir,
        port=port,
        ports=_load_ports(run_dir / "ports.json", port),
        secrets=_load_secrets(run_dir / "secrets.json"),
        python=_find_python(environ),
        limits=read_limits(environ),
        given_database_url=read_database_url(environ.get("AVISO_DATABASE_URL") or ""),
    )


def load_running(environ: dict[str, str]) -> Settings:
    """Read what the stack in the run directory runs with; change nothing.

    Raises StackError while none runs there.
    """
    run_dir = find_run_dir(environ)
    try:
        facts = json.loads((run_dir / "stack.json").read_text())
    except FileNotFoundError:
        raise StackError(f"no stack runs in {run_dir}; `make run` starts one") from None
    return Settings(
        run_dir=run_dir,
        port=urlsplit(facts["url"]).port or 80,
        ports=json.loads((run_dir / "ports.json").read_text()),
        secrets=json.loads((run_dir / "secrets.json").read_text()),
        python=_find_python(environ),
        limits=read_limits(environ),
        given_database_url=facts["database_url"],
    )


def _find_python(environ: dict[str, str]) -> Path:
    return Path(environ.get("AVISO_PYTHON") or REPOSITORY / ".venv/bin/python")


def read_port(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise StackError(f"AVISO_PORT is {text!r}, expected an integer from 1 to 65535")


def read_database_url(text: str) -> str | None:
    """Return the URL, None for an empty one. The message of an error never holds it."""
    if text and not text.startswith(("postgresql://", "postgres://")):
        raise StackError("AVISO_DATABASE_URL does not start with postgresql://")
    return text or None


def _load_ports(file: Path, taken: int) -> dict[str, int]:
    ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    kept = {
        name: port
        for name, port in ports.items()
        if name in _PORTS and port != taken and is_free(port)
    }
    missing = [name for name in _PORTS if name not in kept]
    if missing:
        used = {taken, *kept.values()}
        free = [port for port in find_free_ports(2 * len(_PORTS)) if port not in used]
        kept |= dict(zip(missing, free, strict=False))
        write_private(file, json.dumps(kept, indent=2))
    return kept


def _load_secrets(file: Path) -> dict[str, str]:
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    made = {name: secrets.token_hex(24) for name in _SECRETS if name not in known}
    if made:
        known |= made
        write_private(file, json.dumps(known, indent=2))
    return known


def write_private(file: Path, text: str) -> None:
    """Replace `file` in one step; only its owner can read it."""
    new = file.with_name(file.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    new.replace(file)


def find_program(name: str, package: str, *places: str) -> str:
    """Return the path of a program on PATH or in `places` (globs, newest last).

    Raises MissingProgram with the Debian package that has it.
    """
    for place in places:
        found = sorted(Path("/").glob(place.lstrip("/")))
        if found:
            return str(found[-1])
    path = shutil.which(name)
    if path is None:
        raise MissingProgram(name, package)
    return path
