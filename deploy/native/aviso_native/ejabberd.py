"""ejabberd: a private node without Erlang distribution, its data in PostgreSQL."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from . import postgres
from .process import Command, Part, run
from .settings import REPOSITORY, Settings, find_program, write_private

_SOURCE = REPOSITORY / "deploy/ejabberd"
_SCHEMA = Path("/usr/share/ejabberd/sql/pg.new.sql")
_LIBRARIES = "/usr/lib/*-linux-gnu/ejabberd-*"


def make_part(settings: Settings) -> Part:
    return Part(
        name="ejabberd",
        command=lambda: _command(settings),
        is_ready=lambda: _is_ready(settings),
        log=settings.log("ejabberd"),
    )


def prepare(settings: Settings) -> None:
    """Write its configuration, compile its modules, load its tables once."""
    home = _home(settings)
    (home / "beam").mkdir(parents=True, exist_ok=True)
    (home / "ejabberd.yml").write_text(_configuration(settings))
    write_private(home / "settings.yml", _macros(settings))
    write_private(home / "ticket.jwk", _ticket_key(settings))
    (home / "inetrc").write_text(
        '{lookup,["file","native"]}.\n{host,{127,0,0,1},["localhost"]}.\n'
    )
    library = find_program("ejabberd", "ejabberd", _LIBRARIES)
    run(
        [
            find_program("erlc", "erlang-base"),
            "-pa",
            f"{library}/ebin",
            "-o",
            str(home / "beam"),
            *(str(module) for module in sorted(_SOURCE.glob("mod_*.erl"))),
        ],
        _env(settings),
    )
    # A module finds its statements beside its beam.
    for statements in _SOURCE.glob("mod_*.sql"):
        shutil.copy(statements, home / "beam")
    # ejabberd 23.01 does not make its own tables; later versions do.
    name = "ejabberd"
    known = "SELECT to_regclass('archive')"
    if not postgres.query(settings, known, user=name, database=name):
        postgres.query(settings, "", user=name, database=name, file=_SCHEMA)


def register_pusher(settings: Settings) -> None:
    """Make the pusher's account, unless it is there."""
    call(
        settings,
        "register",
        {
            "user": "pusher",
            "host": settings.domain,
            "password": settings.secrets["pusher"],
        },
        accepted=(200, 409),
    )


def call(
    settings: Settings,
    command: str,
    arguments: dict[str, Any] | None = None,
    *,
    accepted: tuple[int, ...] = (200,),
    timeout_s: float = 60,
) -> Any:
    """Run one of ejabberd's commands over its local HTTP API; return its answer.

    Raises OSError when it cannot be reached or refuses.
    """
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.ports['ejabberd_api']}/api/{command}",
        data=json.dumps(arguments or {}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        if error.code in accepted:
            return None
        text = error.read().decode(errors="replace")
        raise OSError(f"ejabberd refused {command}: {error.code} {text}") from error


def _is_ready(settings: Settings) -> bool:
    try:
        call(settings, "status", timeout_s=2)
    except OSError:
        return False
    return True


def _command(settings: Settings) -> Command:
    home = _home(settings)
    # Without a name there is no distribution: no epmd, no cookie, no port.
    return Command(
        argv=[
            find_program("erl", "erlang-base"),
            *("+K", "true", "+P", "250000", "+Q", "65536"),
            *("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"),
            "-noinput",
            *("-pa", str(home / "beam")),
            *("-mnesia", "dir", f'"{home / "mnesia"}"'),
            *("-s", "ejabberd"),
        ],
        env=_env(settings),
        cwd=home,
        # In order it would wait for PostgreSQL, which dies at the same moment.
        death_signal=signal.SIGKILL,
    )


def _env(settings: Settings) -> dict[str, str]:
    home = _home(settings)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "EJABBERD_CONFIG_PATH": str(home / "ejabberd.yml"),
        "EJABBERD_LOG_PATH": str(settings.log("ejabberd-server")),
        "ERL_LIBS": str(Path(find_program("ejabberd", "ejabberd", _LIBRARIES)).parent),
        "ERL_CRASH_DUMP": str(settings.log("ejabberd-crash")),
        "ERL_CRASH_DUMP_BYTES": "0",
        "ERL_INETRC": str(home / "inetrc"),
        # As in deploy/ejabberd/entrypoint.sh, which says why.
        "ERL_FULLSWEEP_AFTER": "0",
        "ERL_MAX_PORTS": "65536",
        "ERL_MAX_ETS_TABLES": "1400",
    }


def _configuration(settings: Settings) -> str:
    """ejabberd.yml with the hosts' names where they are keys: no macro can be."""
    text = (_SOURCE / "ejabberd.yml").read_text()
    for word, host in (
        ("DOMAIN", settings.domain),
        ("GUEST_DOMAIN", settings.guest_domain),
        ("TICKET_DOMAIN", settings.ticket_domain),
    ):
        text = text.replace(f"\n  {word}:\n", f"\n  {host}:\n")
    return text


def _macros(settings: Settings) -> str:
    """The words in capitals of ejabberd.yml. JSON is YAML too."""
    limits = settings.limits
    macros = {
        "DOMAIN": settings.domain,
        "GUEST_DOMAIN": settings.guest_domain,
        "TICKET_DOMAIN": settings.ticket_domain,
        "ROOMS_DOMAIN": settings.rooms_domain,
        "PUSHER_JID": f"pusher@{settings.domain}",
        "TICKET_KEY": str(_home(settings) / "ticket.jwk"),
        "LOGLEVEL": "warning",
        "LISTEN_IP": "127.0.0.1",
        "C2S_PORT": settings.ports["ejabberd_c2s"],
        "HTTP_PORT": settings.ports["ejabberd_http"],
        "API_PORT": settings.ports["ejabberd_api"],
        "SQL_SERVER": "127.0.0.1",
        "SQL_PORT": settings.ports["postgres"],
        "SQL_DATABASE": "ejabberd",
        "SQL_USERNAME": "ejabberd",
        "SQL_PASSWORD": settings.secrets["ejabberd_database"],
        "NEGOTIATION_TIMEOUT": limits.login_timeout_s,
        "IDLE_TIMEOUT": limits.idle_timeout_s,
        "ADDRESS_CONNECTIONS": limits.connections_per_address,
        "ADDRESS_WAITING": limits.waiting_per_address,
        "ADDRESS_FAILURES": limits.wrong_passwords_per_address,
        "SESSION_ROOMS": limits.rooms_per_session,
        "REGISTRATION": limits.registration,
        "REGISTRATIONS_PER_HOUR": limits.registrations_per_hour,
        "TRUSTED_PROXIES": ["127.0.0.1"],
    }
    return json.dumps({"define_macro": macros}, indent=2)


def _ticket_key(settings: Settings) -> str:
    """The secret of tickets as a JSON Web Key (RFC 7518, 6.4)."""
    secret = base64.urlsafe_b64encode(settings.secrets["ticket"].encode())
    return json.dumps({"kty": "oct", "k": secret.decode().rstrip("=")})


def _home(settings: Settings) -> Path:
    return settings.run_dir / "ejabberd"
