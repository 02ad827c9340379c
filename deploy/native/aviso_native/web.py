"""Caddy: the page."""

from __future__ import annotations

import os

from .process import Command, Part
from .services import answers, web_root
from .settings import REPOSITORY, Settings, find_program


def make_part(settings: Settings) -> Part:
    port = settings.ports["web"]
    return Part(
        name="web",
        command=lambda: _command(settings),
        is_ready=lambda: answers(f"http://127.0.0.1:{port}/"),
        log=settings.log("web"),
    )


def _command(settings: Settings) -> Command:
    home = settings.run_dir / "caddy"
    home.mkdir(exist_ok=True)
    return Command(
        argv=[
            find_program("caddy", "caddy"),
            "run",
            "--adapter=caddyfile",
            f"--config={REPOSITORY / 'deploy/caddy/Caddyfile'}",
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "XDG_DATA_HOME": str(home),
            "AVISO_SITE": f"http://:{settings.ports['web']}",
            "AVISO_WEB_BIND": "127.0.0.1",
            "AVISO_WEB_ROOT": str(web_root()),
        },
        cwd=home,
    )
