"""Logical replication from one database to another of the same server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg import conninfo

from tests.relay.drivers import Database, eventually


@dataclass(frozen=True, slots=True)
class Pair:
    source: Database
    target: Database

    def replicate(self, tables: LiteralString, *, copies: bool = True) -> None:
        """Have the target subscribe to `tables`, and wait until it has copied them."""
        # The slot first: on one server CREATE SUBSCRIPTION would wait for itself.
        self.source.run(f"CREATE PUBLICATION pair FOR TABLE {tables}")
        self.source.run(
            "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", self._slot
        )
        source = conninfo.make_conninfo(self.source.url)
        options = (
            f"create_slot = false, slot_name = '{self._slot}', copy_data = {copies}"
        )
        self.target.run(
            f"CREATE SUBSCRIPTION pair CONNECTION '{source}'"
            f" PUBLICATION pair WITH ({options})"
        )
        eventually(
            lambda: self.target.value(
                "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel"
            )
        )

    def wait(self) -> None:
        """Wait until everything that was committed at the source has arrived."""
        end = self.source.value("SELECT pg_current_wal_lsn()::text")
        eventually(
            lambda: self.source.value(
                "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots"
                " WHERE slot_name = %s",
                end,
                self._slot,
            )
        )

    def part(self) -> None:
        if not self.target.value("SELECT count(*) FROM pg_subscription_rel"):
            return
        self.target.run("ALTER SUBSCRIPTION pair DISABLE")
        self.target.run("DROP SUBSCRIPTION pair")

    @property
    def _slot(self) -> str:
        return f"slot_{self.target.name}"
