"""PostgreSQL's own benchmark as a writer that nobody here wrote: pgbench."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

from aviso_native.settings import find_program

CLIENTS = 8
ACCOUNTS = 100_000
"""How many accounts there are for each unit of the scale."""
_TIMEOUT_S = 600


@dataclass(frozen=True)
class Pgbench:
    """Its four tables, in a schema of the database that `url` names."""

    url: str
    schema: str

    def fill(self, scale: int) -> None:
        """Make the tables with `scale` branches; by the server, without any traffic."""
        self._run("--initialize", "--init-steps=dtGvp", f"--scale={scale}")

    def run(self, seconds: int, *options: str) -> int:
        """Run 8 clients for so long; return how many transactions they committed.

        Raises AssertionError if one failed.
        """
        said = self._run(
            f"--client={CLIENTS}", "--jobs=2", f"--time={seconds}", *options
        )
        return read_transactions(said)

    def _run(self, *options: str) -> str:
        program = find_program(
            "pgbench", "postgresql", "/usr/lib/postgresql/*/bin/pgbench"
        )
        done = subprocess.run(
            [program, *options, self.url],
            env=os.environ | {"PGOPTIONS": f"-c search_path={self.schema}"},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def read_transactions(said: str) -> int:
    """Read from pgbench's words how many transactions were committed."""
    counts = re.findall(
        r"^number of (transactions actually|failed).*: (\d+)", said, re.M
    )
    assert dict(counts).get("failed", "0") == "0", said
    return int(dict(counts)["transactions actually"])
