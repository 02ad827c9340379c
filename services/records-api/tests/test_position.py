"""A list of records and the events behind its position are together the table."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from aviso.feeds import position
from aviso.feeds.models import Feed
from aviso.feeds.position import one_snapshot, read_standing, wait_for_position
from tests.api import NUMBER_ALL, Api, Reply, number_events
from tests.relay.drivers import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)
ALL = {"xmax": 0, "in_progress": [], "page": 100_000, "inline": 0, "busy": []}
ROWS = 60
ROUNDS = 12
INSERT = "INSERT INTO public.stock (id, n) VALUES (%s, nextval('public.turns'))"


def connect() -> psycopg.Connection[Any]:
    settings = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    known = {name: settings[name] for name in names if settings.get(name)}
    return psycopg.connect(**known)


def run(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def stock(db: None) -> Iterator[str]:
    """A tracked table that has had rows before; its feed."""
    run("CREATE SEQUENCE public.turns")
    run("CREATE TABLE public.stock (id bigint PRIMARY KEY, n bigint, at timestamptz)")
    run(
        "INSERT INTO public.stock SELECT n, nextval('public.turns')"
        f" FROM generate_series(1, {ROWS}) AS n"
    )
    run(
        "SELECT aviso.track('public.stock', feed => 'stock', columns => '{id,n}',"
        " visibility => 'public')"
    )
    yield "stock"
    run("SELECT aviso.untrack('public.stock')")
    run("DROP TABLE public.stock; DROP SEQUENCE public.turns")
    run("DELETE FROM aviso.tracked_feeds")


def write_rows(connection: psycopg.Connection[Any], dice: random.Random) -> None:
    key = dice.randint(1, ROWS)
    match dice.randint(0, 3):
        case 0:
            connection.execute("DELETE FROM public.stock WHERE id = %s", [key])
        case 1:
            connection.execute(f"{INSERT} ON CONFLICT DO NOTHING", [key])
        case 2:
            connection.execute(
                "UPDATE public.stock SET n = nextval('public.turns')"
                " WHERE id BETWEEN %s AND %s",
                [key, key + 5],
            )
        case _:
            connection.execute(
                "UPDATE public.stock SET n = nextval('public.turns') WHERE id = %s",
                [key],
            )


def write_records(connection: psycopg.Connection[Any], dice: random.Random) -> None:
    some = "(SELECT id FROM aviso.records ORDER BY random() LIMIT 2)"
    match dice.randint(0, 3):
        case 0:
            connection.execute(f"DELETE FROM aviso.records WHERE id IN {some}")
        case 1:
            connection.execute(
                "UPDATE aviso.records SET data = jsonb_build_object('n', random())"
                f" WHERE id IN {some}"
            )
        case _:
            connection.execute(
                "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{\"n\": 0}')"
            )


Write = Callable[[psycopg.Connection[Any], random.Random], None]


class Load:
    """Writers that commit late, roll back and overlap, and one that numbers."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._is_over = threading.Event()
        self.failures: list[BaseException] = []
        works = [lambda n=n: self._write_on(n) for n in range(3)]
        self._threads = [
            threading.Thread(target=self._guard, args=[work])
            for work in [*works, self._number_on]
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        assert [] == self.failures

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 (told by the main thread)
            self.failures.append(exc)

    def _write_on(self, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 (a test's load)
        with connect() as own:
            while not self._is_over.is_set():
                try:
                    self._write(own, dice)
                    if dice.random() < 0.5:
                        self._is_over.wait(dice.random() * 0.02)
                        self._write(own, dice)
                except psycopg.errors.DeadlockDetected:
                    own.rollback()
                if dice.random() < 0.2:
                    own.rollback()
                else:
                    own.commit()

    def _number_on(self) -> None:
        with connect() as own:
            while not self._is_over.is_set():
                own.execute(NUMBER_ALL, ALL)
                own.commit()
                self._is_over.wait(0.01)


def later_events(api: Api, feed: str, after: int) -> list[Any]:
    found: list[Any] = []
    while True:
        path = f"feeds/{feed}/events/?after={after}&limit=1000"
        events = api.get(path).body["events"]
        if not events:
            return found
        found += events
        after = int(events[-1]["feedseq"])


def turn(record: Any) -> int:
    """Say which state of a record comes after which."""
    return int(record.get("version") or record["data"]["n"])


def fold(api: Api, feed: str, listed: Reply) -> dict[str, Any]:
    """Go on from a list with the events behind its position."""
    body = listed.body
    assert None is body["next"]
    state = {item["id"]: item for item in body["results"]}
    ranges = [(int(a), int(b)) for a, b in body["position"]["contains"]]
    for event in later_events(api, feed, int(body["position"]["sequence"])):
        if any(a <= int(event["feedseq"]) <= b for a, b in ranges):
            continue
        key, record = event["subject"], event["data"]
        if event["type"] == "aviso.record.deleted.v1":
            assert key in state
            del state[key]
        else:
            assert key not in state or turn(state[key]) < turn(record)
            assert (event["type"] == "aviso.record.created.v1") == (key not in state)
            state[key] = record
    return {key: item["data"] for key, item in state.items()}


def try_under_load(api: Api, feed: str, write: Write) -> list[Any]:
    """Return what each list comes to in the end."""
    lists: list[Reply] = []
    with Load(write):
        while len(lists) < ROUNDS:
            reply = api.get(f"feeds/{feed}/records/?position=true&limit=1000")
            if reply.status != 503:
                assert 200 == reply.status, reply.content
                lists.append(reply)
    number_events()
    return [fold(api, feed, reply) for reply in lists]


def test_a_tracked_tables_list_and_its_later_events_are_the_table(
    api: Api, stock: str
) -> None:
    found = try_under_load(api, stock, write_rows)

    rows = run("SELECT id, n FROM public.stock")
    table = {str(key): {"id": key, "n": n} for key, n in rows}
    assert [table] * ROUNDS == found


def test_a_records_list_and_its_later_events_are_the_records(
    api: Api, orders: Feed
) -> None:
    found = try_under_load(api, "orders", write_records)

    rows = run("SELECT id::text, data::text FROM aviso.records WHERE feed = 'orders'")
    assert [{key: json.loads(data) for key, data in rows}] * ROUNDS == found


def test_what_is_numbered_behind_others_that_came_later_is_a_range(stock: str) -> None:
    with connect() as early, connect() as late:
        early.execute(INSERT, [101])
        late.execute(INSERT, [102])
        late.commit()
        with one_snapshot():
            standing = read_standing(stock)
        early.commit()
    number_events()

    found = wait_for_position(standing)

    assert (0, [(2, 2)]) == (found.sequence, found.contains)


def test_what_follows_at_once_needs_no_range(api: Api, stock: str) -> None:
    with connect() as writer:
        writer.execute(INSERT, [101])
        writer.commit()
        with one_snapshot():
            standing = read_standing(stock)
    number_events()

    found = wait_for_position(standing)

    assert (1, []) == (found.sequence, found.contains)
    body = api.get(f"feeds/{stock}/records/?position=true").body
    assert {
        "epoch": standing.epoch,
        "sequence": "1",
        "contains": [],
    } == body["position"]


def test_without_numbers_in_time_there_is_no_position(
    api: Api, stock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(position, "PATIENCE_S", 0.05)
    with connect() as writer:
        writer.execute(INSERT, [101])

    reply = api.get(f"feeds/{stock}/records/?position=true")

    reply.problem(503)
    assert "1" == reply.headers["Retry-After"]
    assert "101" == api.get(f"feeds/{stock}/records/").body["results"][0]["id"]
