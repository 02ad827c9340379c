"""A stack of containers of its own: brought up by the same script as `make up`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aviso_native.addresses import find_free_port

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE_FILE = REPOSITORY / "deploy/compose.yml"
SECRETS = (
    "AVISO_SECRET_KEY",
    "AVISO_POSTGRES_PASSWORD",
    "AVISO_DATABASE_PASSWORD",
    "AVISO_EJABBERD_DATABASE_PASSWORD",
    "AVISO_AMQP_PASSWORD",
    "AVISO_AMQP_PUSHER_PASSWORD",
    "AVISO_XMPP_PASSWORD",
    "AVISO_TICKET_SECRET",
)
# One build may fetch and unpack everything.
_BUILD_TIMEOUT_S = 1200


class ComposeStack:
    """Containers, volumes and networks under a project name that nobody else has."""

    def __init__(self, directory: Path) -> None:
        self.project = f"aviso-test-{uuid.uuid4().hex[:8]}"
        self.env_file = directory / "settings.env"
        self.port = find_free_port()
        self.url = f"http://localhost:{self.port}"

    def up(self) -> str:
        """Run what `make up` runs; return all that it printed."""
        return self._run("deploy/compose/up.sh", timeout_s=_BUILD_TIMEOUT_S)

    def down(self, *arguments: str) -> None:
        self._run("deploy/compose/down.sh", *arguments)

    def compose(self, *arguments: str) -> str:
        """Run a command of `docker compose` on this stack."""
        return self._run(
            "docker", "compose", "--env-file", str(self.env_file),
            "--file", str(COMPOSE_FILE), *arguments,
        )  # fmt: skip

    @contextmanager
    def other_ejabberd(self, folder: Path, settings: dict[str, Any]) -> Iterator[None]:
        """Have ejabberd's container made anew, with settings over compose.yml's."""
        other = folder / "other-ejabberd.yml"
        other.write_text(json.dumps({"services": {"ejabberd": settings}}))
        up = ("up", "--detach", "--no-build", "--no-deps", "--wait", "ejabberd")
        try:
            self.compose("--file", str(other), *up)
            yield
        finally:
            self.compose(*up)

    def setting(self, name: str) -> str:
        [value] = re.findall(rf"^{name}=(.+)$", self.env_file.read_text(), re.M)
        return str(value)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What `docker inspect` says of each container, by the service's name."""
        ids = self.listed("ps", "--all", "--quiet")
        found = json.loads(self._run("docker", "inspect", *ids))
        label = "com.docker.compose.service"
        return {each["Config"]["Labels"][label]: each for each in found}

    def networks(self) -> dict[str, dict[str, Any]]:
        ids = self.listed("network", "ls", "--quiet")
        found = json.loads(self._run("docker", "network", "inspect", *ids))
        return {each["Labels"]["com.docker.compose.network"]: each for each in found}

    def listed(self, *command: str) -> list[str]:
        """The lines of a list (`ps`, `volume ls`, …) that belong to this project."""
        label = f"label=com.docker.compose.project={self.project}"
        return self._run("docker", *command, "--filter", label).split()

    def user_ids(self, container: str) -> set[int]:
        """The users, as the kernel sees them, that the container's processes run as."""
        table = self._run("docker", "top", container, "-eo", "pid,uid").splitlines()
        return {int(line.split()[1]) for line in table[1:]}

    def log_ends(self, lines: int = 20) -> list[tuple[str, str]]:
        return [
            (service, self.compose("logs", "--no-color", f"--tail={lines}", service))
            for service in self.containers()
        ]

    def leftovers(self) -> list[str]:
        return [
            *self.listed("ps", "--all", "--quiet"),
            *self.listed("volume", "ls", "--quiet"),
            *self.listed("network", "ls", "--quiet"),
        ]

    def _run(self, *command: str, timeout_s: float = 300) -> str:
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=clean_environment()
            | {
                "COMPOSE_PROJECT_NAME": self.project,
                "AVISO_ENV_FILE": str(self.env_file),
                "AVISO_RUN_DIR": str(self.env_file.parent),
                "AVISO_PORT": str(self.port),
            },
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout


@dataclass(frozen=True)
class RunningStack:
    """A stack that is up, and what `make up` printed when it brought it up."""

    stack: ComposeStack
    printed: str


def clean_environment() -> dict[str, str]:
    """Nothing of the caller's own stack: its variables would win over the file."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AVISO_", "COMPOSE_"))
    }
