"""Tracking a table on the admin site: nothing before what would be sent was seen."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.utils.http import urlencode

from aviso.feeds.models import Feed

pytestmark = pytest.mark.django_db

ADD = "/admin/aviso/tracked/add/"
TABLES = """
CREATE TABLE public.orders (
    id bigint PRIMARY KEY, tenant text, status text, total numeric, password text);
INSERT INTO public.orders VALUES
    (1, 'a', 'paid', 1.50, 'x'), (2, 'b', 'draft', 2, 'x'), (3, 'a', 'paid', 3, 'x');
CREATE TABLE public.keyless (id bigint);
CREATE TABLE public."o'<b>"" " (id bigint PRIMARY KEY, "c'<i>"" " text);
CREATE VIEW public.shown AS SELECT * FROM public.orders;
"""
FORM = {
    "columns": ["status"],
    "feed": "orders",
    "where": "",
    "visibility": "private",
    "on_truncate": "reset",
    "max_feeds": "1000",
}


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("admin"))
    return client


@pytest.fixture(autouse=True)
def _tables(db: None) -> None:
    run(TABLES)


def run(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall()) if cursor.description else []


def show(client: Client, path: str) -> str:
    response = client.get(path)
    assert 200 == response.status_code, response
    return str(response.content.decode())


def page_of(table: str = "public.orders") -> str:
    return f"{ADD}?{urlencode({'table': table})}"


def look(client: Client, table: str = "public.orders", **changes: Any) -> Any:
    return client.post(page_of(table), {**FORM, **changes, "_preview": "1"})


def track(client: Client, table: str = "public.orders", **changes: Any) -> Any:
    """Track it by way of the preview, with just what that page sends."""
    seen = look(client, table, **changes)
    form = {**FORM, **changes, "seen": seen.context["seen"], "_track": "1"}
    return client.post(page_of(table), form)


def tracked() -> list[tuple[Any, ...]]:
    return run(
        "SELECT schema_name || '.' || table_name, feed, columns, visibility,"
        " on_truncate, max_feeds FROM aviso.tracked ORDER BY id"
    )


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_tables_are_listed_with_what_is_in_the_way(admin: Client) -> None:
    page = admin.get(ADD).content.decode()

    assert 'href="?table=public.orders"' in page
    assert "public.keyless has no primary key" in page
    assert "public.shown is a view" in page
    assert 'href="?table=public.keyless"' not in page
    assert "aviso.feeds" not in page
    assert "auth_user" not in page
    assert "<b>" not in page


def test_tables_are_searched_for(admin: Client) -> None:
    found = admin.get(ADD, {"q": "ORDER"}).content.decode()
    none = admin.get(ADD, {"q": "no%' such<b>"}).content.decode()

    assert "public.orders" in found
    assert "public.keyless" not in found
    assert "No table of this database has no%&#x27; such&lt;b&gt;" in none


def test_the_form_has_a_tables_columns_with_those_of_the_key_fixed(
    admin: Client,
) -> None:
    page = admin.get(page_of()).content.decode()

    assert "status (text)" in page
    assert "total (numeric)" in page
    box = page[page.index('value="id"') :].split(">")[0]
    assert "checked" in box
    assert "disabled" in box


def test_what_would_be_sent_is_shown_and_nothing_is_attached(admin: Client) -> None:
    before = run("SELECT count(*) FROM pg_proc")

    response = look(admin, columns=["status", "total"], where="status <> 'draft'")

    rows = response.context["rows"]
    assert [
        ("orders", "1", '{"id":"1","data":{"id": 1, "total": 1.50, "status": "paid"}}'),
        ("orders", "3", '{"id":"3","data":{"id": 3, "total": 3, "status": "paid"}}'),
    ] == rows
    assert "2 match, 1 does not" in response.content.decode()
    assert [] == tracked()
    assert before == run("SELECT count(*) FROM pg_proc")
    assert not Feed.objects.exists()


def test_a_table_is_tracked_when_that_was_seen(
    admin: Client, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("aviso.audit").addHandler(caplog.handler)

    response = track(
        admin,
        columns=["status"],
        feed="of-{tenant}",
        where="status <> 'draft'",
        visibility="public",
        on_truncate="refuse",
        max_feeds="7",
    )

    logging.getLogger("aviso.audit").removeHandler(caplog.handler)
    assert [
        ("public.orders", "of-{tenant}", ["id", "status"], "public", "refuse", 7)
    ] == tracked()
    assert "public.orders is tracked as of-{tenant}" in said(response)
    assert "tracked: id, status" in LogEntry.objects.get().get_change_message()
    assert "table tracked" in [vars(line).get("change") for line in caplog.records]
    page = admin.get(response.url).content.decode()
    assert "of-{tenant} (0 feeds: none yet)" in page


def test_what_was_not_seen_is_not_tracked(admin: Client) -> None:
    blind = admin.post(page_of(), {**FORM, "_track": "1"})
    seen = look(admin).context["seen"]
    other = {**FORM, "columns": ["status", "password"], "seen": seen, "_track": "1"}
    changed = admin.post(page_of(), other)

    for response in (blind, changed):
        assert "this is not what you were shown" in response.content.decode()
        assert "What is told" in response.content.decode()
    assert [] == tracked()


def test_somebody_elses_look_does_not_count(admin: Client) -> None:
    seen = look(admin).context["seen"]
    admin.force_login(User.objects.create_superuser("other"))

    admin.post(page_of(), {**FORM, "seen": seen, "_track": "1"})

    assert [] == tracked()


def test_back_from_the_preview_everything_is_as_it_was(admin: Client) -> None:
    form = {**FORM, "where": "total > 1", "max_feeds": "3", "_change": "1"}

    page = admin.post(page_of(), form).content.decode()

    assert "total &gt; 1" in page
    assert 'value="3"' in page
    assert "Show what would be sent" in page


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"feed": "Orders"}, "feed", "names no feed"),
        ({"feed": ""}, "feed", "required"),
        ({"feed": "x" * 65}, "feed", "longer than 64"),
        ({"feed": "x" * 201}, "feed", "at most 200"),
        ({"feed": "taken"}, "feed", "feed 'taken' is taken"),
        ({"feed": "of-{colour}"}, "feed", "no column 'colour'"),
        ({"feed": "{tenant}"}, "feed", "1 to 30 characters"),
        ({"feed": "a-{id}-{status}"}, "feed", "names no feed"),
        ({"feed": "mine-{id}"}, "feed", "could have the names of feeds"),
        ({"feed": "mine-x"}, "feed", "would be one of table"),
        ({"feed": "or\x00ders"}, "feed", "Null characters"),
        ({"columns": ["colour"]}, "columns", "colour is not one of"),
        ({"where": "status ="}, "where", "can not be used"),
        ({"where": "random() > 1"}, "where", "IMMUTABLE"),
        ({"where": "true) ; DROP TABLE orders; SELECT (1"}, "where", "can not be used"),
        ({"where": "status = (SELECT 'x')"}, "where", "can not be used"),
        ({"where": "x" * 10_001}, "where", "at most 10000"),
        ({"visibility": "open"}, "visibility", "open is not one of"),
        ({"on_truncate": "x"}, "on_truncate", "x is not one of"),
        ({"max_feeds": "0"}, "max_feeds", "greater than or equal to 1"),
        ({"max_feeds": "9999999999"}, "max_feeds", "less than or equal"),
        ({"max_feeds": "many"}, "max_feeds", "whole number"),
    ],
)
def test_each_refusal_stands_at_its_field(
    admin: Client, change: dict[str, Any], field: str, sentence: str
) -> None:
    Feed.objects.create(slug="taken")
    run("CREATE TABLE public.mine (id bigint PRIMARY KEY, whose text)")
    run("SELECT aviso.track('public.mine', 'mine-{whose}', '{id}')")

    response = look(admin, **change)

    errors = response.context["errors"]
    assert [field] == list(errors)
    assert sentence in errors[field][0]
    assert "Please correct the error below" in response.content.decode()
    assert 1 == len(tracked())


def test_what_is_refused_after_the_look_is_said_in_the_form_too(admin: Client) -> None:
    seen = look(admin).context["seen"]
    Feed.objects.create(slug="orders")

    response = admin.post(page_of(), {**FORM, "seen": seen, "_track": "1"})

    assert "taken" in str(response.context["errors"]["feed"])
    assert [] == tracked()


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("public.keyless", "has no primary key"),
        ("public.nowhere", "does not exist"),
        ("aviso.feeds", "Aviso's own"),
        ("aviso_site.auth_user", "Aviso's own"),
        ("pg_class", "PostgreSQL's catalog"),
        ("public.orders; DROP TABLE public.orders", "invalid name syntax"),
        ("424242", "there is no table 424242"),
        ("", "invalid name syntax"),
        ("a\x00b", "no table has such a name"),
    ],
)
def test_what_is_no_table_to_track_leads_back_to_the_list(
    admin: Client, table: str, sentence: str
) -> None:
    for response in (admin.get(page_of(table)), look(admin, table)):
        assert (302, ADD) == (response.status_code, response.headers["Location"])
        assert sentence in said(response)


def test_names_that_mean_something_to_sql_and_html_are_taken(admin: Client) -> None:
    [(table,)] = run("SELECT aviso.full_name('public.\"o''<b>\"\" \"'::regclass)")

    track(admin, table, columns=["c'<i>\" "])
    page = admin.get("/admin/aviso/tracked/").content.decode()

    assert [("public.o'<b>\" ", ["id", "c'<i>\" "])] == [
        (name, columns) for name, _, columns, *_ in tracked()
    ]
    assert "<b>" not in page


def cautions(response: Any) -> str:
    return " ".join(response.context["cautions"])


def test_a_plain_wish_has_no_caution(admin: Client) -> None:
    assert "" == cautions(look(admin))


@pytest.mark.parametrize(
    ("prepare", "change", "sentence"),
    [
        ("", {"visibility": "public"}, "everybody may read"),
        ("", {"columns": ["password"]}, "By its name a secret: password"),
        ("", {"on_truncate": "refuse"}, "TRUNCATE of the table fails"),
        ("", {"where": "false"}, "Not one of the rows matches"),
        ("", {"feed": "of-{id}", "max_feeds": "2"}, "There are 3 feeds already"),
        (
            "ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY",
            {},
            "Row-level security of public.orders is not asked",
        ),
        (
            "GRANT SELECT (id) ON public.orders TO PUBLIC",
            {},
            "Rights on some columns of public.orders alone (of PUBLIC) are not asked",
        ),
        (
            "UPDATE public.orders SET status = repeat('x', 70000) WHERE id = 1",
            {},
            "1 of the rows are larger",
        ),
        (
            "UPDATE public.orders SET total = 0",
            {"feed": "of-{tenant}", "where": "1 / total > 0"},
            "Of 3 rows nobody can say the feed",
        ),
        (
            "SELECT aviso.track('public.orders', 'orders', '{id}');"
            "SELECT aviso.untrack('public.orders')",
            {"visibility": "public"},
            "The feed orders is there already and stays private",
        ),
        (
            "SELECT aviso.track('public.orders', 'orders', '{id}')",
            {},
            "tracked already. Its feed is emptied",
        ),
        (
            "SELECT aviso.track('public.orders', 'before', '{id}')",
            {},
            "tracked already, as before",
        ),
    ],
)
def test_what_somebody_should_know_before_is_said(
    admin: Client, prepare: str, change: dict[str, Any], sentence: str
) -> None:
    if prepare:
        run(prepare)

    assert sentence in cautions(look(admin, **change))


def test_a_tracked_table_is_tracked_anew_from_what_it_is_now(admin: Client) -> None:
    run("SELECT aviso.track('public.orders', 'orders', '{id,total}', 'total > 1')")

    form = admin.get(page_of()).context["adminform"].form
    track(admin, columns=["status"], where="total > 2")

    assert ["id", "total"] == form["columns"].value()
    assert [("public.orders", "orders", ["id", "status"])] == [
        (name, feed, columns) for name, feed, columns, *_ in tracked()
    ]


def person(client: Client, *permissions: str) -> Client:
    user = User.objects.create(username="staff", is_staff=True)
    names = [f"{name}_tracked" for name in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


@pytest.mark.parametrize("permission", ["add", "change", "delete", "view", ""])
def test_each_page_asks_for_its_permission(client: Client, permission: str) -> None:
    [(number,)] = run("SELECT id FROM aviso.track('public.orders', 'orders', '{id}')")
    run("CREATE TABLE public.more (id bigint PRIMARY KEY)")
    staff = person(client, permission)
    one = f"/admin/aviso/tracked/{number}"
    sees = permission in ("view", "change")

    assert (200 if sees else 403) == staff.get("/admin/aviso/tracked/").status_code
    assert (200 if sees else 403) == staff.get(f"{one}/change/").status_code
    may_add = 200 if permission == "add" else 403
    assert may_add == staff.get(ADD).status_code
    assert may_add == staff.get(page_of("public.more")).status_code
    assert may_add == look(staff, "public.more", columns=[], feed="m").status_code
    may_change = 302 if permission == "change" else 403
    assert may_change == staff.post(f"{one}/change/", {"_go": "1"}).status_code
    may_delete = 302 if permission == "delete" else 403
    assert may_delete == staff.post(f"{one}/delete/", {"post": "yes"}).status_code
    assert (0 if permission == "delete" else 1) == len(tracked())


def test_who_may_only_add_tracks_and_does_not_track_anew(client: Client) -> None:
    staff = person(client, "add")

    first = track(staff)
    again = look(staff, feed="others")

    assert "/admin/" == first.url
    assert "delete tracked tables" in str(again.context["errors"]["__all__"])
    assert ["orders"] == [feed for _, feed, *_ in tracked()]


def test_a_feed_that_stays_private_is_not_called_public(client: Client) -> None:
    track = "SELECT id FROM aviso.track('public.orders', 'orders', '{id}'"
    run(f"{track})")
    [(number,)] = run(f"{track}, visibility => 'public')")

    page = person(client, "view").get(f"/admin/aviso/tracked/{number}/change/")

    assert "private (public was asked for)" in page.content.decode()


def test_who_may_only_look_has_no_button(client: Client) -> None:
    [(number,)] = run("SELECT id FROM aviso.track('public.orders', 'orders', '{id}')")

    page = person(client, "view").get(f"/admin/aviso/tracked/{number}/change/")

    assert "public.orders" in page.content.decode()
    for word in ("Backfill", "Untrack", "Track anew"):
        assert f">{word}<" not in page.content.decode()
        assert f'value="{word}"' not in page.content.decode()


@pytest.fixture
def one(admin: Client) -> str:
    [(number,)] = run("SELECT id FROM aviso.track('public.orders', 'orders', '{id}')")
    return f"/admin/aviso/tracked/{number}"


def backfill() -> tuple[Any, ...]:
    [state] = run("SELECT backfilled, backfill_rate FROM aviso.tracked")
    return state


def test_a_backfill_is_started_slowed_paused_and_resumed(
    admin: Client, one: str
) -> None:
    page = f"{one}/change/"
    for data, state, button in [
        ({"_go": "1", "rate": ""}, ("running", None), "Pause the backfill"),
        ({"_go": "1", "rate": "50"}, ("running", 50), "Set its pace"),
        ({"_pause": "1", "rate": ""}, ("paused", 50), "Resume the backfill"),
        ({"_go": "1", "rate": "9"}, ("running", 9), "Pause the backfill"),
        ({"_pause": "1"}, ("paused", 9), "Start over"),
        ({"_again": "1", "rate": ""}, ("running", None), "Pause the backfill"),
    ]:
        admin.post(page, data)
        assert state == backfill()
        assert f'value="{button}"' in admin.get(page).content.decode()


def test_how_far_a_backfill_is_stands_in_the_list(admin: Client, one: str) -> None:
    run("ANALYZE public.orders")
    admin.post(f"{one}/change/", {"_go": "1", "rate": "2"})
    run("SELECT aviso.backfill_step(id) FROM aviso.tracked")

    page = admin.get("/admin/aviso/tracked/").content.decode()

    assert "running at 2 rows a second: looked at 2, told 2, of about 3" in page
    assert '<progress value="2" max="3">' in page


@pytest.mark.parametrize("rate", ["0", "-1", "x", "1.5", "10000000"])
def test_a_wrong_pace_is_refused(admin: Client, one: str, rate: str) -> None:
    response = admin.post(f"{one}/change/", {"_go": "1", "rate": rate})

    assert "Not done: rows a second: " in said(response)
    assert (None, None) == backfill()


def test_what_does_not_run_can_not_be_paused(admin: Client, one: str) -> None:
    response = admin.post(f"{one}/change/", {"_pause": "1"})

    assert "no backfill of public.orders is running" in said(response)


def test_problems_and_what_could_not_be_told_are_in_the_list(
    admin: Client, one: str
) -> None:
    run("INSERT INTO public.orders VALUES (9, 'a', 's', 1, 'x')")
    run("UPDATE aviso.tracked_tables SET problem = 'triggers are <gone>', untold = 41")

    page = admin.get("/admin/aviso/tracked/").content.decode()

    assert "triggers are &lt;gone&gt;" in page
    assert '<td class="field-unavailable">41</td>' in page


def test_untracking_says_what_it_means_and_does_it(admin: Client, one: str) -> None:
    page = admin.get(f"{one}/delete/").content.decode()
    assert "What is written from now on is told nowhere" in page
    assert 1 == len(tracked())

    response = admin.post(f"{one}/delete/", {"post": "yes"})

    assert "Nothing more is told of public.orders as orders" in said(response)
    assert [] == tracked()
    assert Feed.objects.filter(slug="orders").exists()
    assert [(3,)] == run("SELECT count(*) FROM public.orders")


def test_a_table_that_is_gone_is_untracked_too(admin: Client, one: str) -> None:
    run("DROP TABLE public.orders CASCADE")

    assert 200 == admin.get(f"{one}/change/").status_code
    admin.post(f"{one}/delete/", {"post": "yes"})

    assert [] == tracked()


@pytest.mark.parametrize("number", ["999999", "x", "1_2D"])
def test_one_that_is_not_there_leads_back(admin: Client, number: str) -> None:
    for page in ("change", "delete"):
        for response in (
            admin.get(f"/admin/aviso/tracked/{number}/{page}/"),
            admin.post(f"/admin/aviso/tracked/{number}/{page}/", {"_go": "1"}),
        ):
            assert 302 == response.status_code
            assert "deleted" in said(response)


@pytest.mark.parametrize("page", ["tracked", "outboxfeed", "feed"])
def test_it_is_said_why_nothing_is_sent(admin: Client, page: str) -> None:
    path = f"/admin/aviso/{page}/"
    assert "Nothing is sent: no relay has been seen yet" in show(admin, path)

    run(
        "INSERT INTO aviso.relay (seen_at, broker, refusal)"
        " VALUES (clock_timestamp(), 'refused', 'it is <b>theirs')"
    )
    assert "Nothing is sent: it is &lt;b&gt;theirs" in show(admin, path)

    run("UPDATE aviso.relay SET broker = 'blocked', refusal = NULL")
    assert "Nothing is sent: RabbitMQ takes nothing at present" in show(admin, path)

    run("UPDATE aviso.relay SET broker = 'connected'")
    assert "Nothing is sent" not in show(admin, path)


def test_a_tables_own_page_says_why_nothing_is_sent(admin: Client) -> None:
    track(admin)
    ((number,),) = run("SELECT id FROM aviso.tracked")

    page = show(admin, f"/admin/aviso/tracked/{number}/change/")

    assert "Nothing is sent: no relay has been seen yet" in page
