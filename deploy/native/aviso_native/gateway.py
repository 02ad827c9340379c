"""HAProxy: the one origin, in front of the page, the API and ejabberd."""

from __future__ import annotations

import os
import socket

from .process import Command, Part
from .services import answers
from .settings import REPOSITORY, Settings, find_program

CONFIGURATION = REPOSITORY / "deploy/gateway/haproxy.cfg"
# The configuration has their defaults.
_TIMEOUTS = ("AVISO_HEADER_TIMEOUT", "AVISO_BODY_TIMEOUT")


def make_part(settings: Settings) -> Part:
    return Part(
        name="gateway",
        command=lambda: _command(settings),
        is_ready=lambda: answers(f"{settings.url}/api/v1/connection/"),
        log=settings.log("gateway"),
    )


def make_env(settings: Settings, bind: str, url: str, origins: str) -> dict[str, str]:
    """The environment of a gateway before this stack's servers.

    `bind` is what stands on HAProxy's `bind` line, `url` the page's address, `origins`
    a comma list of other origins whose pages may connect.
    """
    ports = settings.ports
    return {
        "PATH": os.environ["PATH"],
        "AVISO_GATEWAY_BIND": bind,
        "AVISO_PUBLIC_URL": url,
        "AVISO_ORIGINS": origins.replace(",", " "),
        "AVISO_EJABBERD": f"127.0.0.1:{ports['ejabberd_http']}",
        "AVISO_RECORDS_API": f"127.0.0.1:{ports['records_api']}",
        "AVISO_WEB": f"127.0.0.1:{ports['web']}",
        **{name: os.environ[name] for name in _TIMEOUTS if name in os.environ},
    }


def _command(settings: Settings) -> Command:
    hosts = ["127.0.0.1", "::1"] if _has_ipv6() else ["127.0.0.1"]
    bind = ",".join(f"{host}:{settings.port}" for host in hosts) + " backlog 4096"
    origins = os.environ.get("AVISO_CORS_ORIGINS", "")
    return Command(
        argv=[
            find_program("haproxy", "haproxy", "/usr/sbin/haproxy"),
            "-db",
            "-f",
            str(CONFIGURATION),
        ],
        env=make_env(settings, bind, settings.url, origins),
    )


def _has_ipv6() -> bool:
    """Browsers may try ::1 first for `localhost`."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True
