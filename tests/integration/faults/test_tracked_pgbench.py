"""pgbench writes to two tracked tables while all that is behind them is killed in turn.

At the end the table, REST and the page say the same, to the byte, and the archive has
each change once, in an order in which it can have happened. In a soak pgbench writes
for a minute as fast as it can, more than a page holds: there the page is not asked.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from ..api import Api, new_slug
from ..batches import WrittenFloat
from ..database import Database
from ..page import FeedPage
from ..pgbench import Pgbench
from ..running import Stack
from ..waiting import until_equal
from .effort import choose
from .experiment import Experiment
from .report import add_up, judge_lists
from .trial import Trial

SECONDS = choose(20, 60)
# In transactions a second, of all clients together; else pgbench's own.
PACE = choose(["--rate=20"], [])
IS_WATCHED = choose(True, False)
PUBLISHED_S = choose(90, 900)
KILLED = ("relay", "pusher", "rabbitmq", "ejabberd")
# As the page draws them, each by its field's name.
_FIELDS = """async feed => {
    const said = [];
    // From its top on: what is far from the screen can't be scrolled to.
    window.scrollTo({ top: 0, behavior: "instant" });
    for (const _ of [1, 2, 3]) await new Promise(requestAnimationFrame);
    const list = document.querySelector(`[data-feed="${feed}"]`);
    for (const row of list.querySelectorAll("[data-record-id]")) {
        if (row.dataset.state !== "present") continue;
        // What is far from the screen has no content.
        row.scrollIntoView({ block: "center" });
        for (let frame = 0; frame < 600 && !row.querySelector("dd"); frame += 1)
            await new Promise(requestAnimationFrame);
        const names = [...row.querySelectorAll("dt")];
        const texts = [...row.querySelectorAll("dd")].map((dd) => dd.textContent);
        said.push([row.dataset.recordId, Object.fromEntries(
            names.map((name, n) => [name.title, texts[n].trim()]))]);
    }
    return said;
}"""

_LOG = "SELECT id::text FROM aviso.event_log WHERE feed = %s ORDER BY sequence"

Rows = dict[str, dict[str, str]]
"""By their keys: each column's text."""


@dataclass(frozen=True)
class Tracked:
    """A feed, the query for what its table has, and who watches it."""

    query: str
    trial: Trial

    def rows(self, database: Database) -> Rows:
        return {key: read_digits(texts) for key, texts in database.rows(self.query)}


@pytest.fixture
def bank(experiment: Experiment) -> Iterator[Pgbench]:
    """pgbench's tables. Its history gets a key, and a number with a zero at its end."""
    schema, database = f"bank_{uuid.uuid4().hex[:8]}", experiment.database
    database.execute(f"CREATE SCHEMA {schema}")
    bank = Pgbench(experiment.stack.facts["database_url"], schema)
    bank.fill(scale=1)
    database.execute(
        f"ALTER TABLE {schema}.pgbench_history ADD COLUMN id bigserial PRIMARY KEY,"
        " ADD COLUMN rate numeric NOT NULL DEFAULT 43.50"
    )
    yield bank
    for table in ("accounts", "history"):
        database.execute(f"SELECT aviso.untrack('{schema}.pgbench_{table}')")
    database.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.mark.timeout(choose(300, 2700))
def test_pgbench_beside_kills_is_told_to_the_byte(
    experiment: Experiment, bank: Pgbench
) -> None:
    stack, database = experiment.stack, experiment.database
    accounts = track(
        experiment, bank, "accounts", "aid", ["aid", "bid", "abalance"], "abalance <> 0"
    )
    columns = ["id", "tid", "bid", "aid", "delta", "mtime", "rate"]
    history = track(experiment, bank, "history", "id", columns, "true")

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(bank.run, SECONDS, *PACE)
        kills = kill_in_turn(stack, writing)
        written = writing.result()

    reports = []
    for tracked in (accounts, history):
        trial = tracked.trial
        head = trial.wait_for_head(PUBLISHED_S)
        log = [event for (event,) in database.rows(_LOG, [trial.feed])]
        events = trial.archived_events()
        archived = [event["id"] for event in events]
        assert list(range(1, head + 1)) == [int(event["feedseq"]) for event in events]
        reports.append(judge_lists(log, log, archived=archived, shown=None))
        expected = tracked.rows(database)
        assert expected == fold(events)
        assert expected == listed(experiment.api, trial.feed)
        if IS_WATCHED:
            trial.watched.wait_for_position(head)
            until_equal(expected, lambda t=trial: shown(t.watched), "the page's rows")
    experiment.outcome.report = add_up(reports)
    experiment.outcome.notes.append(f"{written} transactions beside {kills} kills")
    assert experiment.outcome.report.is_clean, str(experiment.outcome.report)
    # One event more: the reset.
    assert written == len(history.rows(database)) == reports[1].archived - 1
    check_order(accounts.trial.archived_events(), history.rows(database))


def track(
    experiment: Experiment,
    bank: Pgbench,
    table: str,
    key: str,
    columns: list[str],
    where: str,
) -> Tracked:
    feed, name = new_slug(table), f"{bank.schema}.pgbench_{table}"
    experiment.database.execute(
        f"SELECT aviso.track('{name}', %s, %s, %s, 'public')", [feed, columns, where]
    )
    # As JSON has them, but every number with its own digits.
    texts = ", ".join(f"'{each}', to_json({each}) #>> '{{}}'" for each in columns)
    query = f"SELECT {key}::text, json_build_object({texts})::text FROM {name}"
    trial = experiment.make_trial(of=feed, watched=IS_WATCHED)
    return Tracked(f"{query} WHERE {where}", trial)


def kill_in_turn(stack: Stack, writing: Future[int]) -> int:
    """Kill each part, the next when that one is back, until all is written."""
    for kills, part in enumerate(itertools.cycle(KILLED)):
        if writing.done() and kills >= len(KILLED):
            break
        stack.wait_for_another(part, stack.kill_part(part))
    return kills


def read_digits(text: str | bytes) -> Any:
    """Read JSON, each number as the text that it is."""
    return json.loads(text, parse_int=str, parse_float=str)


def fold(events: list[dict[str, Any]]) -> Rows:
    """What whoever read the archive has."""
    rows: Rows = {}
    for event in events:
        if event["type"] == "aviso.feed.reset.v1":  # pgbench truncates its history
            rows.clear()
        elif event["type"] == "aviso.record.deleted.v1":
            del rows[event["subject"]]
        else:
            data = event["data"]["data"]
            rows[event["subject"]] = {name: text_of(data[name]) for name in data}
    return rows


def text_of(value: object) -> str:
    return value.text if isinstance(value, WrittenFloat) else str(value)


def listed(api: Api, feed: str) -> Rows:
    """What REST lists, page by page."""
    rows: Rows = {}
    path = f"feeds/{feed}/records/?limit=1000"
    while path:
        answer = api.call("GET", path)
        assert answer.status == 200, answer.body
        page = read_digits(answer.body)
        found = {item["id"]: item["data"] for item in page["results"]}
        assert not rows.keys() & found.keys()
        rows |= found
        path = (page["next"] or "").partition("/api/v1/")[2]
    return rows


def shown(page: FeedPage) -> Rows:
    """What the page shows, of the rows that are there."""
    return dict(page.tab.evaluate(_FIELDS, page.feed))


def check_order(events: list[dict[str, Any]], history: Rows) -> None:
    """Each step of an account's balance is one that was written."""
    steps: Counter[tuple[str, int]] = Counter()
    balances: Counter[str] = Counter()
    for event in events:
        is_gone = event["type"] == "aviso.record.deleted.v1"
        balance = 0 if is_gone else event["data"]["data"]["abalance"]
        steps[event["subject"], balance - balances[event["subject"]]] += 1
        balances[event["subject"]] = balance
    written = Counter((row["aid"], int(row["delta"])) for row in history.values())
    assert {step: n for step, n in written.items() if step[1] != 0} == steps
