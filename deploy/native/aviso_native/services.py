"""Aviso's own processes: records-api (gunicorn), relay and pusher."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from .errors import NoDatabase
from .process import Command, Part, run
from .settings import REPOSITORY, Settings

_API = REPOSITORY / "services/records-api"
_PUSHER = REPOSITORY / "services/xmpp-pusher"


def make_records_api(settings: Settings) -> Part:
    port = settings.ports["records_api"]
    return Part(
        name="records-api",
        command=lambda: Command(
            argv=[
                str(settings.python.parent / "gunicorn"),
                "--config=gunicorn.conf.py",
                "records_api.wsgi",
            ],
            # Here, and not in /tmp: what a kill leaves behind is found and removed.
            env=api_env(settings)
            | {"AVISO_METRICS_DIR": str(settings.run_dir / "records-api-metrics")},
            cwd=_API,
        ),
        is_ready=lambda: answers(f"http://127.0.0.1:{port}/readyz"),
        log=settings.log("records-api"),
    )


def make_relay(settings: Settings) -> Part:
    port = settings.ports["relay"]
    return Part(
        name="relay",
        command=lambda: Command(
            argv=[str(settings.python), "manage.py", "aviso_relay"],
            env=api_env(settings),
            cwd=_API,
        ),
        is_ready=lambda: answers(f"http://127.0.0.1:{port}/healthz"),
        log=settings.log("relay"),
    )


def make_pusher(settings: Settings) -> Part:
    port = settings.ports["pusher"]
    return Part(
        name="pusher",
        command=lambda: Command(
            argv=[str(settings.python), "-m", "xmpp_pusher"],
            env=pusher_env(settings),
            cwd=_PUSHER,
        ),
        is_ready=lambda: answers(f"http://127.0.0.1:{port}/healthz"),
        log=settings.log("pusher"),
    )


def manage(settings: Settings, *arguments: str, text: str | None = None) -> str:
    """Run one of records-api's management commands; return what it printed.

    `text` is its standard input.
    """
    argv = [str(settings.python), "manage.py", *arguments]
    return run(argv, api_env(settings), cwd=_API, text=text).strip()


def check_database(settings: Settings) -> None:
    """Raise NoDatabase with PostgreSQL's words when nobody can connect to it."""
    code = (
        "import os, sys, psycopg\n"
        "try: psycopg.connect(os.environ['AVISO_DATABASE_URL'], connect_timeout=10)\n"
        "except psycopg.Error as error: sys.exit(str(error))"
    )
    done = subprocess.run(
        [str(settings.python), "-c", code],
        env=api_env(settings),
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise NoDatabase(done.stderr.strip())


def manage_at_terminal(settings: Settings, arguments: Sequence[str]) -> int:
    """Run one of records-api's management commands as its caller; return its code."""
    argv = [str(settings.python), "manage.py", *arguments]
    return subprocess.run(argv, env=api_env(settings), cwd=_API).returncode


def api_env(settings: Settings) -> dict[str, str]:
    """The environment of records-api, relay and their management commands."""
    return _base() | {
        "AVISO_SECRET_KEY": settings.secrets["django"],
        "AVISO_DATABASE_URL": settings.database_url,
        "AVISO_PUBLIC_URL": settings.url,
        "AVISO_XMPP_DOMAIN": settings.domain,
        "AVISO_XMPP_GUEST_DOMAIN": settings.guest_domain,
        "AVISO_XMPP_TICKET_DOMAIN": settings.ticket_domain,
        "AVISO_XMPP_ROOMS_DOMAIN": settings.rooms_domain,
        "AVISO_TICKET_SECRET": settings.secrets["ticket"],
        "AVISO_REGISTRATION": settings.limits.registration,
        "AVISO_BIND": f"127.0.0.1:{settings.ports['records_api']}",
        "AVISO_AMQP_URL": settings.amqp_url,
        "AVISO_QUEUES": str(settings.queues),
        "AVISO_RELAY_BIND": f"127.0.0.1:{settings.ports['relay']}",
        # Nobody else has this broker: with another database it is that one's.
        "AVISO_TAKE_BROKER": "yes",
    }


def pusher_env(settings: Settings) -> dict[str, str]:
    return _base() | {
        "PYTHONPATH": str(_PUSHER / "src"),
        "AVISO_AMQP_URL": settings.pusher_amqp_url,
        "AVISO_QUEUES": str(settings.queues),
        "AVISO_XMPP_HOST": "127.0.0.1",
        "AVISO_XMPP_PORT": str(settings.ports["ejabberd_c2s"]),
        "AVISO_XMPP_JID": f"pusher@{settings.domain}",
        "AVISO_XMPP_PASSWORD": settings.secrets["pusher"],
        "AVISO_XMPP_ROOMS_DOMAIN": settings.rooms_domain,
        "AVISO_XMPP_TICKET_DOMAIN": settings.ticket_domain,
        "AVISO_PUSHER_BIND": f"127.0.0.1:{settings.ports['pusher']}",
    }


def answers(url: str) -> bool:
    """Say whether `url` answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # refused, reset, timed out, or an HTTP error
        return False


def _base() -> dict[str, str]:
    """What a part gets of the environment: settings of Aviso pass through."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("AVISO_", "COVERAGE_"))
        and name not in ("AVISO_RUN_DIR", "AVISO_PORT", "AVISO_DATABASE_URL")
    }
    return passed | {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }


def web_root() -> Path:
    return REPOSITORY / "services/web-client/dist"
