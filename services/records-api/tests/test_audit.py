"""Each change of access leaves one line: what, to which key, by whom; never the key."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from access.models import ApiKey
from records_api.json_lines import JsonLines

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

    admin.post("/admin/access/apikey/add/", form, headers=ADDRESS)

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

    admin.post("/admin/access/apikey/abc/change/", form, headers=ADDRESS)

    (line,) = lines(log)
    assert ("changed", "abc") == (line["change"], line["key_id"])
    assert line["expires_at"].startswith("2031-01-02 03:04")


def test_a_key_revoked_on_the_admin_site_is_noted(
    admin: Client, log: io.StringIO
) -> None:
    ApiKey.objects.create(id="abc", name="x")
    form = {"action": "revoke", "_selected_action": ["abc"]}

    for _ in range(2):
        admin.post("/admin/access/apikey/", form, headers=ADDRESS)

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
