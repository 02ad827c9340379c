"""What a tracked table costs whoever writes to it, beside other triggers.

pgbench's tables, four times: as they are, with the accounts tracked, with an audit
trigger on them, and with django-pghistory's. They are written to in turns, in rounds of
a few seconds, so that whatever else the machine does it does to all of them. A figure
is the median of the rounds, each held against the untracked one of its turn.

The scale is 20: of 8 clients few wait for each other's branch, and the four of them
still fit into memory.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import conninfo

from aviso_native import postgres

from ..integration.pgbench import Pgbench
from ..integration.running import REPOSITORY
from ..integration.waiting import until
from .bench import Bench, tell
from .goals import Goal
from .processes import ended_cpu_s

_SCALE = 20
_ROUND_S = 5
_PLAIN = "untracked"
_FEED = "accounts"

_TRACK = """
SELECT aviso.track('tracked.pgbench_accounts', %s, '{aid,bid,abalance,filler}')
"""

# What most audit triggers are: a statement's rows, whole, into a table beside it.
_AUDIT = """
CREATE TABLE audited.audit (
    id bigserial PRIMARY KEY, at timestamptz NOT NULL, op text NOT NULL, row jsonb
);
CREATE FUNCTION audited.audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audited.audit (at, op, row)
    SELECT clock_timestamp(), TG_OP, to_jsonb(written) FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER UPDATE ON audited.pgbench_accounts
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION audited.audit();
"""


@dataclass(frozen=True)
class Round:
    """Transactions a second, and what each took of its backend's CPU, in µs."""

    rate: float
    cpu_us: float


def beside_triggers(bench: Bench) -> None:
    """pgbench's rate and CPU, and both again with the relay beside it."""
    tables = _make_tables(bench)
    # Numbering goes on without the pusher; the whole path would want their cores.
    bench.stack.stop_part("pusher")
    bench.stack.stop_part("relay")
    _compare(bench, tables, "")
    bench.stack.start_part("relay")
    _compare(bench, tables, ", relay beside it")


def _make_tables(bench: Bench) -> dict[str, Pgbench]:
    """Fill each schema, and put its triggers on it."""
    make: dict[str, Callable[[], object]] = {
        _PLAIN: lambda: None,
        "tracked": lambda: bench.database.execute(_TRACK, [_FEED]),
        "audited": lambda: bench.database.execute(_AUDIT),
        "pghistory": lambda: _install_pghistory(bench),
    }
    tables = {}
    for name, put_triggers in make.items():
        tell(f"  the tables of {name}")
        bench.database.execute(f"CREATE SCHEMA {name}")
        tables[name] = Pgbench(bench.stack.facts["database_url"], name)
        tables[name].fill(bench.choose(_SCALE, 50))
        put_triggers()
    postgres.query(bench.settings, "CHECKPOINT")
    return tables


def _install_pghistory(bench: Bench) -> None:
    """Each library with settings of its own: in a process of its own."""
    given = conninfo.conninfo_to_dict(bench.stack.facts["database_url"])
    names = {"dbname": "PGDATABASE", "password": "PGPASSWORD"}
    named = {names.get(k, f"PG{k.upper()}"): str(v) for k, v in given.items()}
    subprocess.run(
        [sys.executable, "-m", "tests.bench.pghistory"],
        cwd=REPOSITORY,
        env=os.environ | named | {"PGHISTORY_SCHEMA": "pghistory"},
        check=True,
    )


def _compare(bench: Bench, tables: dict[str, Pgbench], beside: str) -> None:
    """Run rounds of each in turns, the first of a turn another one each time."""
    rounds: dict[str, list[Round]] = {name: [] for name in tables}
    turns = max(4, bench.seconds // 2)
    for turn in range(turns):
        names = list(tables)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if beside:
                _wait_until_numbered(bench)
            rounds[name].append(_run_round(bench, tables[name]))
    plain = rounds.pop(_PLAIN)
    bench.note(f"{_PLAIN}{beside}, transactions/s", _median([r.rate for r in plain]))
    bench.note(
        f"{_PLAIN}{beside}, CPU a transaction (µs)", _median([r.cpu_us for r in plain])
    )
    for name, those in rounds.items():
        pairs = list(zip(those, plain, strict=True))
        lost = _median([100 * (1 - one.rate / other.rate) for one, other in pairs])
        added = _median([one.cpu_us - other.cpu_us for one, other in pairs])
        bench.note(f"{name}{beside}, rate lost (%)", lost)
        bench.note(f"{name}{beside}, CPU more a transaction (µs)", added)
        if name == "tracked":
            title = f"pgbench's rate lost with a tracked table{beside}, %"
            bench.goals.append(Goal(title, lost, 30, 15))


def _run_round(bench: Bench, table: Pgbench) -> Round:
    before = ended_cpu_s(bench.stack, "postgres")
    count = table.run(_ROUND_S)
    # The server counts what a session took when it has seen it end.
    until(lambda: _sessions(bench) == 0, "pgbench's sessions to end", 30)
    time.sleep(0.2)
    cpu_s = ended_cpu_s(bench.stack, "postgres") - before
    return Round(count / _ROUND_S, 1e6 * cpu_s / count)


def _sessions(bench: Bench) -> int:
    count: int = bench.database.value(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'"
    )
    return count


def _wait_until_numbered(bench: Bench) -> None:
    until(
        lambda: bench.database.value("SELECT count(*) FROM aviso.queue") == 0,
        "the relay to have numbered what was written",
        600,
        0.5,
    )


def _median(values: list[float]) -> float:
    return statistics.median(values)
