"""Caddy: the page, and everything else under the one origin."""

from __future__ import annotations

import os
import re
import socket
import subprocess

from .process import Command, Part
from .services import answers, web_root
from .settings import REPOSITORY, Settings, find_program

# The Caddyfile has their defaults.
_TIMEOUTS = ("AVISO_HEADER_TIMEOUT", "AVISO_BODY_TIMEOUT")


def make_part(settings: Settings) -> Part:
    return Part(
        name="web",
        command=lambda: _command(settings),
        is_ready=lambda: answers(f"{settings.url}/api/v1/connection/"),
        log=settings.log("web"),
    )


def _command(settings: Settings) -> Command:
    home = settings.run_dir / "caddy"
    home.mkdir(exist_ok=True)
    ejabberd = f"127.0.0.1:{settings.ports['ejabberd_http']}"
    program = find_program("caddy", "caddy")
    return Command(
        argv=[
            program,
            "run",
            "--adapter=caddyfile",
            f"--config={REPOSITORY / 'deploy/caddy/Caddyfile'}",
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "XDG_DATA_HOME": str(home),
            "AVISO_SITE": f"http://:{settings.port}",
            "AVISO_WEB_BIND": "127.0.0.1 [::1]" if _has_ipv6() else "127.0.0.1",
            "AVISO_WEB_ROOT": str(web_root()),
            "AVISO_RECORDS_API": f"127.0.0.1:{settings.ports['records_api']}",
            "AVISO_EJABBERD": ejabberd,
            "AVISO_PUBLIC_URL": settings.url,
            "AVISO_CORS_ORIGINS": os.environ.get("AVISO_CORS_ORIGINS", ""),
            **write_buffers(program),
            **{name: os.environ[name] for name in _TIMEOUTS if name in os.environ},
        },
        cwd=home,
    )


def write_buffers(program: str) -> dict[str, str]:
    """Write the Caddyfile's buffers as an older Caddy wants them."""
    told = subprocess.run(
        [program, "version"], capture_output=True, text=True, timeout=20, check=True
    ).stdout
    version = re.match(r"v?(\d+)\.(\d+)", told)
    if version is None or (int(version[1]), int(version[2])) >= (2, 7):
        return {}
    lines = ["buffer_requests", "buffer_responses", f"max_buffer_size {128 * 1024}"]
    return {f"AVISO_BUFFERS_{n}": line for n, line in enumerate(lines, 1)}


def _has_ipv6() -> bool:
    """Browsers may try ::1 first for `localhost`."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True
