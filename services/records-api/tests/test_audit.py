"""Each change of access leaves one line: what, to which key, by whom; never the key."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from aviso.access.models import ApiKey
from aviso.feeds.models import Feed
from aviso.readers.models import Reader
from records_api.json_lines import JsonLines
from tests.admin_forms import read_seen
from tests.api import make_api

pytestmark = pytest.mark.django_db
ADDRESS = {"X-Forwarded-For": "203.0.113.7"}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonLines())
    logging.getLogger("aviso.audit").addHandler(handler)
    yield text
    logging.getLogger("aviso.audit").removeHandler(handler)


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ada"))
    return client


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def forget(log: io.StringIO) -> None:
    log.seek(0)
    log.truncate()


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_key_made_by_command_is_noted(log: io.StringIO) -> None:
    text = run("create_key", "demo", "--feeds", "orders", "--write")

    (line,) = lines(log)
    key = ApiKey.objects.get()
    assert ("made", key.id, "demo", "command") == (
        line["change"],
        line["key_id"],
        line["key_name"],
        line["by"],
    )
    assert (["orders"], ["write"], None) == (
        line["feeds"],
        line["may"],
        line["expires_at"],
    )
    assert text.rpartition("_")[2] not in log.getvalue()


def test_a_key_revoked_by_command_is_noted_once(log: io.StringIO) -> None:
    ApiKey.objects.create(id="abc", name="x")

    run("revoke_key", "abc")
    with pytest.raises(CommandError):
        run("revoke_key", "abc")

    assert [("revoked", "abc")] == [
        (line["change"], line["key_id"]) for line in lines(log)
    ]


def test_a_key_made_on_the_admin_site_is_noted(admin: Client, log: io.StringIO) -> None:
    form = {"name": "demo", "all_feeds": "on", "may_read": "on"}

    admin.post("/admin/aviso/apikey/add/", form, headers=ADDRESS)

    (line,) = lines(log)
    assert ("made", "admin ada from 203.0.113.7") == (line["change"], line["by"])
    assert ("all", ["read"]) == (line["feeds"], line["may"])


def test_an_expiry_changed_on_the_admin_site_is_noted(
    admin: Client, log: io.StringIO
) -> None:
    ApiKey.objects.create(id="abc", name="x", all_feeds=True)
    form = {
        "name": "x",
        "all_feeds": "on",
        "expires_at_0": "2031-01-02",
        "expires_at_1": "03:04",
    }

    page = "/admin/aviso/apikey/abc/change/"
    admin.post(page, {**form, **read_seen(admin, page)}, headers=ADDRESS)

    (line,) = lines(log)
    assert ("changed", "abc") == (line["change"], line["key_id"])
    assert line["expires_at"].startswith("2031-01-02 03:04")


def test_a_key_revoked_on_the_admin_site_is_noted(
    admin: Client, log: io.StringIO
) -> None:
    ApiKey.objects.create(id="abc", name="x")
    form = {"action": "revoke", "_selected_action": ["abc"]}

    for _ in range(2):
        admin.post("/admin/aviso/apikey/", form, headers=ADDRESS)

    (line,) = lines(log)
    assert ("revoked", "abc", "admin ada from 203.0.113.7") == (
        line["change"],
        line["key_id"],
        line["by"],
    )


def test_a_key_may_be_made_for_some_days() -> None:
    run("create_key", "demo", "--all-feeds", "--read", "--expires-days", "30")

    expires_at = ApiKey.objects.get().expires_at
    assert expires_at is not None
    assert abs(expires_at - timezone.now() - timedelta(days=30)) < timedelta(hours=1)


@pytest.mark.parametrize("days", ["0", "-1", "99999"])
def test_days_that_make_no_sense_are_refused(days: str) -> None:
    with pytest.raises(CommandError):
        run("create_key", "demo", "--all-feeds", "--read", f"--expires-days={days}")


def changes(log: io.StringIO) -> list[tuple[str, str]]:
    return [(line["change"], line["by"]) for line in lines(log)]


def test_grants_and_revokes_over_rest_are_noted(
    secrets: Feed, log: io.StringIO
) -> None:
    api = make_api(feeds=["secrets"], grant=True)
    forget(log)
    readers = "feeds/secrets/readers/"

    api.post(readers, {"reader": "ada@localhost"}, **ADDRESS)
    for _ in range(2):
        api.delete(f"{readers}ada@localhost/", **ADDRESS)

    by = f"key {ApiKey.objects.get().id} from 203.0.113.7"
    assert [("granted", by), ("revoked", by)] == changes(log)
    assert {("secrets", "ada@localhost")} == {
        (line["feed"], line["reader"]) for line in lines(log)
    }


def test_a_ticket_is_noted_and_never_its_text(secrets: Feed, log: io.StringIO) -> None:
    api = make_api(feeds=["secrets"], grant=True)
    forget(log)

    ticket = api.post("tickets/", {"reader": "u-17", "feeds": ["secrets"]}).body

    (line,) = lines(log)
    assert ("ticket made", "u-17@ticket.localhost", ["secrets"]) == (
        line["change"],
        line["reader"],
        line["feeds"],
    )
    assert line["token_id"]
    assert ticket["ticket"] not in log.getvalue()
    assert ticket["ticket"].rpartition(".")[2] not in log.getvalue()


def test_readers_let_in_and_put_out_on_the_admin_site_are_noted(
    admin: Client, secrets: Feed, log: io.StringIO
) -> None:
    form = {"feed": "secrets", "reader": "ada@localhost"}
    admin.post("/admin/aviso/reader/add/", form, headers=ADDRESS)
    chosen = {"_selected_action": [str(Reader.objects.get().id)]}

    page = f"/admin/aviso/reader/{Reader.objects.get().id}/change/"
    # This changes nothing.
    admin.post(page, read_seen(admin, page), headers=ADDRESS)
    for action in ["revoke", "let_in_again"]:
        admin.post(
            "/admin/aviso/reader/", {"action": action, **chosen}, headers=ADDRESS
        )

    by = "admin ada from 203.0.113.7"
    assert [("granted", by), ("revoked", by), ("granted", by)] == changes(log)


def test_a_change_of_visibility_is_noted(
    admin: Client, orders: Feed, log: io.StringIO
) -> None:
    api = make_api(all_feeds=True, manage=True)
    forget(log)

    api.patch("feeds/orders/", {"visibility": "private"})
    api.patch("feeds/orders/", {"visibility": "private", "title": "x"})
    page = "/admin/aviso/feed/orders/change/"
    for _ in range(2):
        admin.post(page, {"visibility": "public", **read_seen(admin, page)})

    assert ["made private", "made public"] == [change for change, _ in changes(log)]
    assert {"orders"} == {line["feed"] for line in lines(log)}


def test_what_people_may_do_is_noted_when_it_changes(
    admin: Client, log: io.StringIO
) -> None:
    ben = User.objects.create_user("ben")
    permission = Permission.objects.get(codename="change_record")
    page = f"/admin/auth/user/{ben.pk}/change/"
    form = {
        "username": "ben",
        "is_active": "on",
        "is_staff": "on",
        "user_permissions": [permission.pk],
    }

    for more in ({}, {}, {"is_superuser": "on"}):
        admin.post(page, {**form, **more, **read_seen(admin, page)}, headers=ADDRESS)
    admin.post(f"/admin/auth/user/{ben.pk}/delete/", {"post": "yes"}, headers=ADDRESS)

    first, second, third = lines(log)
    assert ("person changed", "ben", True, False, ["change_record"]) == (
        first["change"],
        first["person"],
        first["staff"],
        first["superuser"],
        first["may"],
    )
    assert (True, "person deleted") == (second["superuser"], third["change"])
    assert {"admin ada from 203.0.113.7"} == {line["by"] for line in lines(log)}


def test_a_new_person_and_a_new_password_are_noted(
    admin: Client, log: io.StringIO
) -> None:
    words = {"password1": "long-Enough-9", "password2": "long-Enough-9"}
    form = {"username": "eve", "usable_password": "true", **words}

    admin.post("/admin/auth/user/add/", form)
    eve = User.objects.get(username="eve")
    admin.post(f"/admin/auth/user/{eve.pk}/password/", form)

    assert ["person made", "password changed"] == [change for change, _ in changes(log)]
    assert "Enough" not in log.getvalue()


def test_what_a_group_may_do_is_noted_when_it_changes(
    admin: Client, log: io.StringIO
) -> None:
    permission = Permission.objects.get(codename="add_feed")

    admin.post("/admin/auth/group/add/", {"name": "editors"})
    page = f"/admin/auth/group/{Group.objects.get().pk}/"
    form = {"name": "editors", "permissions": [permission.pk]}
    for _ in range(2):
        admin.post(f"{page}change/", {**form, **read_seen(admin, f"{page}change/")})
    admin.post(f"{page}delete/", {"post": "yes"})

    assert [
        ("group made", []),
        ("group changed", ["add_feed"]),
        ("group deleted", ["add_feed"]),
    ] == [(line["change"], line["may"]) for line in lines(log)]
