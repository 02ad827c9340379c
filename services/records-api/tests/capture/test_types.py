"""What each type of a column is in JSON: in the log, in events, and in REST's list.

The writer's settings are odd ones, since none may change the form.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import DatabaseError, connection

from aviso.events.rendering import escape_json
from tests.api import Api, number_events
from tests.capture.type_forms import FORMS, KEYS, NO_FORMS, TYPES, Form

pytestmark = pytest.mark.django_db
PATH = "feeds/things/records/"
ODD_SETTINGS = {
    "TimeZone": "Asia/Kathmandu",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "postgres_verbose",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "array_nulls": "off",
    "xmlbinary": "hex",
    "search_path": "public, pg_catalog",
    "plpgsql.extra_errors": "all",
}


def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def write(statement: str, settings: dict[str, str] = ODD_SETTINGS) -> None:
    """Run a statement in a session that has these settings for as long as it takes."""
    before = {
        name: value
        for name in settings
        for (value,) in run("SELECT current_setting(%s, true)", name)
    }
    for each in (settings, {name: value or "" for name, value in before.items()}):
        for name, value in each.items():
            run("SELECT set_config(%s, %s, true)", name, value)
        if each is settings:
            run(statement)


@pytest.fixture(autouse=True)
def types(db: None) -> None:
    run(TYPES)


def make_table(columns: str, told: str = "{id,v}", where: str | None = None) -> None:
    run(f"CREATE TABLE public.things ({columns})")
    run(
        "SELECT aviso.track('public.things', 'things', %s, \"where\" => %s,"
        " visibility => 'public')",
        told,
        where,
    )


def read_version() -> int:
    ((version,),) = run("SHOW server_version_num")
    return int(version) // 10_000


def find_known(forms: list[Form]) -> list[Form]:
    """Return those that this server knows, the extensions made that they need."""
    version = read_version()
    available = {name for (name,) in run("SELECT name FROM pg_available_extensions")}
    known = [
        form
        for form in forms
        if form.since <= version < form.before
        and (not form.extension or form.extension in available)
    ]
    for form in known:
        if form.extension:
            run(f"CREATE EXTENSION IF NOT EXISTS {form.extension} SCHEMA public")
    return known


def skip_unknown(form: Form) -> None:
    if not find_known([form]):
        pytest.skip("this server does not know it")


def make_columns(forms: list[Form]) -> str:
    """Track a table with a column for each form, and return the values of a row."""
    names = [f"v{n:02}" for n in range(len(forms))]
    columns = [f"{name} {form.type}" for name, form in zip(names, forms, strict=True)]
    make_table(
        f"id int PRIMARY KEY, other int, {', '.join(columns)}",
        f"{{id,{','.join(names)}}}",
    )
    return f"1, 0, {', '.join(form.value for form in forms)}"


@pytest.mark.parametrize("group", FORMS)
def test_a_value_has_one_form_in_the_log_in_events_and_in_lists(
    anonymous: Api, group: str
) -> None:
    forms = find_known(FORMS[group])
    values = make_columns(forms)

    write(f"INSERT INTO public.things VALUES ({values})")

    ((kind, told),) = run("SELECT type, data FROM aviso.events WHERE feed = 'things'")
    assert "created" == kind
    # Names of the same length are in their order, behind shorter ones.
    parts = re.split(r',? ?"v\d\d": ', told)
    assert '{"id":"1","data":{"id": 1' == parts[0]
    parts[-1] = parts[-1].removesuffix("}}")
    for form, part in zip(forms, parts[1:], strict=True):
        assert form.json == part, str(form)
    number_events()
    events = anonymous.get("feeds/things/events/").content
    assert f'"data":{escape_json(told)}}}'.encode() in events
    assert f'"results":[{told}]' in anonymous.get(PATH).content.decode()
    assert told == anonymous.get(f"{PATH}1/").content.decode()


@pytest.mark.parametrize("group", FORMS)
def test_a_write_that_leaves_the_values_as_they_were_says_nothing(group: str) -> None:
    values = make_columns(find_known(FORMS[group]))
    run(f"INSERT INTO public.things VALUES ({values})")

    write("UPDATE public.things SET other = 1")

    assert [("created",)] == run("SELECT type FROM aviso.events WHERE feed = 'things'")


@pytest.mark.parametrize("form", NO_FORMS, ids=str)
def test_a_value_without_a_form_is_unavailable_and_fails_no_statement(
    anonymous: Api, form: Form
) -> None:
    skip_unknown(form)
    make_table(f"id int PRIMARY KEY, v {form.type}")

    for statement in (
        f"INSERT INTO public.things VALUES (1, {form.value}), (2, NULL)",
        f"INSERT INTO public.things VALUES (3, {form.value})",
        "UPDATE public.things SET v = NULL WHERE id = 1",
        f"UPDATE public.things SET v = {form.value} WHERE id < 3",
        "DELETE FROM public.things WHERE id = 2",
    ):
        write(f"{statement}")

    assert [
        ("unavailable", "1", form.json),
        ("created", "2", None),
        ("unavailable", "3", form.json),
        ("updated", "1", None),
        ("unavailable", "1", form.json),
        ("unavailable", "2", form.json),
        ("deleted", "2", None),
    ] == run(
        "SELECT type, subject, data::json ->> 'cause' FROM aviso.events"
        " WHERE feed = 'things' ORDER BY changeset, place"
    )
    number_events()
    assert 200 == anonymous.get("feeds/things/events/").status
    assert [
        {"id": "3", "cause": form.json},
        {"id": "1", "cause": form.json},
    ] == anonymous.get(PATH).body["results"]


@pytest.mark.parametrize("form", KEYS, ids=str)
def test_a_key_of_each_type_is_told_listed_found_and_backfilled(
    anonymous: Api, form: Form
) -> None:
    skip_unknown(form)
    run(f"CREATE TABLE public.things (v {form.type} PRIMARY KEY, n int)")
    run(f"INSERT INTO public.things VALUES ({form.value}, 0)")
    run(
        "SELECT aviso.track('public.things', 'things', '{v,n}', visibility => 'public')"
    )
    (tracked,) = run("SELECT id FROM aviso.tracked")[0]

    run("SELECT aviso.ask_backfill('public.things')")
    for _ in range(2):
        run("SELECT aviso.backfill_step(%s, 1)", tracked)
    write("UPDATE public.things SET n = 1")
    run("SELECT aviso.ask_backfill('public.things', true)")
    for _ in range(2):
        run("SELECT aviso.backfill_step(%s, 1)", tracked)

    subject = json.loads(form.json)
    assert [("created", subject), ("updated", subject)] == run(
        "SELECT type, subject FROM aviso.events WHERE feed = 'things'"
        " ORDER BY changeset, place"
    )
    first = anonymous.get(f"{PATH}?limit=1").body
    assert [subject] == [row["id"] for row in first["results"]]
    assert ("1",) == tuple(
        map(str, run("SELECT count(*) FROM aviso.find_row('things', %s)", subject)[0])
    )
    run(f"INSERT INTO public.things VALUES ({form.other}, 0)")
    both = anonymous.get(f"{PATH}?limit=1").body
    second = anonymous.get("/api/v1" + both["next"].partition("/api/v1")[2]).body
    assert {subject} < {row["id"] for row in both["results"] + second["results"]}


@pytest.mark.parametrize(
    ("where", "setting", "odd", "value", "matches"),
    [
        ("v <> E'a\\\\b'", "standard_conforming_strings", "off", "'a\b'", True),
        ("v <> E'a\\\\b'", "standard_conforming_strings", "off", "E'a\\\\b'", False),
        ("f::text = '0.12'", "extra_float_digits", "-15", "''", True),
        ("b::text = E'\\\\x00'", "bytea_output", "escape", "''", True),
        ("d >= '02/01/2026'", "DateStyle", "ISO, MDY", "''", True),
        ("length(v) > 0", "plpgsql.extra_errors", "all", "'x'", True),
    ],
)
def test_a_where_means_what_it_meant_when_it_was_given(
    where: str, setting: str, odd: str, value: str, matches: bool
) -> None:
    run("SELECT set_config('DateStyle', 'SQL, DMY', true)")
    make_table(
        "id int PRIMARY KEY, v text, f float8 DEFAULT 0.12,"
        " b bytea DEFAULT decode('00', 'hex'), d date DEFAULT make_date(2026, 1, 15)",
        "{id}",
        where,
    )

    insert = f"INSERT INTO public.things (id, v) VALUES (1, {value})"
    write(insert, {setting: odd})

    expected = [("created",)] if matches else []
    assert expected == run("SELECT type FROM aviso.events WHERE feed = 'things'")


def test_an_assertion_in_the_owners_code_fails_no_statement() -> None:
    run(
        "CREATE FUNCTION public.asserts(int) RETURNS boolean IMMUTABLE"
        " LANGUAGE plpgsql AS $$ BEGIN ASSERT $1 > 1; RETURN true; END $$"
    )
    make_table("id int PRIMARY KEY, v text", where="public.asserts(id)")

    run("INSERT INTO public.things VALUES (1, 'a')")
    run("INSERT INTO public.things VALUES (2, 'a'), (0, 'a')")

    assert [("unavailable", None), ("created", "2"), ("unavailable", None)] == run(
        "SELECT type, subject FROM aviso.events WHERE feed = 'things'"
        " ORDER BY changeset, place"
    )


def test_a_type_that_changes_under_a_table_stops_nobody(anonymous: Api) -> None:
    make_table("id int PRIMARY KEY, v public.address")
    run("INSERT INTO public.things VALUES (1, ('Sol', 1))")

    run("ALTER TYPE public.address ADD ATTRIBUTE door text")
    run("UPDATE public.things SET v = ('Sol', 2, 'b')")

    assert {"street": "Sol", "number": 2, "door": "b"} == json.loads(
        run(
            "SELECT data::json #>> '{data,v}' FROM aviso.events"
            " WHERE feed = 'things' AND type = 'updated'"
        )[0][0]
    )
    assert 200 == anonymous.get(PATH).status


def test_a_column_that_is_made_when_it_is_read_is_refused() -> None:
    if read_version() < 18:
        pytest.skip("PostgreSQL 18 and later have it")

    with pytest.raises(
        DatabaseError, match=r"column 'v' of public\.things is generated"
    ):
        make_table("id int PRIMARY KEY, v int GENERATED ALWAYS AS (id * 2) VIRTUAL")
