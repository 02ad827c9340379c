"""What the logs of the stack may not hold, and what a killed part may not leave."""

from __future__ import annotations

import uuid
from pathlib import Path

import psycopg
import pytest

from .api import Api
from .database import Database
from .running import Stack
from .waiting import until

TOO_BIG_BYTES = 65 * 1024


def test_a_refused_record_is_in_no_log(
    stack: Stack, database: Database, feed: str
) -> None:
    marker = f"marker-{uuid.uuid4()}"
    data = '{"secret": "%s"}' % (marker + "x" * TOO_BIG_BYTES)

    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        database.execute(
            f"INSERT INTO records (feed, data) VALUES ('{feed}', '{data}')"
        )

    constraint = refused.value.diag.constraint_name
    assert constraint
    until(lambda: constraint in read_log(stack, "postgres"), "the refusal in the log")
    assert [log.name for log in logs(stack) if marker in log.read_text()] == []


@pytest.mark.parametrize("data", ['{"n": MARKER}', '{"MARKER": "\\u0000"}'])
def test_a_record_that_is_not_read_is_in_no_log(
    data: str, stack: Stack, database: Database, feed: str
) -> None:
    marker = f"marker{uuid.uuid4().hex}"
    data = data.replace("MARKER", marker)
    before = read_log(stack, "postgres").count("ERROR")

    with pytest.raises(psycopg.errors.DataError):
        database.execute(
            f"INSERT INTO records (feed, data) VALUES ('{feed}', '{data}')"
        )

    until(
        lambda: read_log(stack, "postgres").count("ERROR") > before,
        "the refusal in the log",
    )
    assert [log.name for log in logs(stack) if marker in log.read_text()] == []


def test_a_killed_records_api_leaves_no_numbers_behind(
    stack: Stack, api: Api, feed: str
) -> None:
    folder = stack.run_dir / "records-api-metrics"
    old = {file.name for file in folder.glob("*.db")}

    stack.wait_for_another("records-api", stack.kill_part("records-api"))
    until(lambda: api.call("GET", "feeds/").status == 200, "records-api to be ready")
    api.write(feed, {"n": 1})

    new = until(lambda: list(folder.glob("*.db")), "numbers of the new workers")
    assert old
    assert old & {file.name for file in new} == set()


def logs(stack: Stack) -> list[Path]:
    """Every log of the run directory, whichever part wrote it."""
    found = [file for file in stack.run_dir.rglob("*.log") if file.is_file()]
    assert stack.run_dir / "log/postgres.log" in found
    return found


def read_log(stack: Stack, part: str) -> str:
    return (stack.run_dir / f"log/{part}.log").read_text(errors="replace")
