"""PostgreSQL as anyone with the password sees it: psycopg, and the real psql."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg


class Database:
    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """A transaction that is committed at the end of the block."""
        with psycopg.connect(self._url) as connection:
            yield connection

    def execute(self, statement: str, values: Sequence[object] = ()) -> int:
        """Run one statement, commit, and return the number of rows it touched."""
        with self.transaction() as connection:
            return connection.execute(statement, values).rowcount

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self.transaction() as connection:
            return connection.execute(query, values).fetchall()

    def value(self, query: str, values: Sequence[object] = ()) -> Any:
        return self.rows(query, values)[0][0]

    def psql(self, statement: str) -> str:
        """`psql -c STATEMENT`, as a person would type it."""
        program = shutil.which("psql")
        assert program, "psql is not installed (Debian package postgresql-client)"
        done = subprocess.run(
            [
                program,
                "--no-psqlrc",
                "--set=ON_ERROR_STOP=1",
                self._url,
                "-c",
                statement,
            ],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
