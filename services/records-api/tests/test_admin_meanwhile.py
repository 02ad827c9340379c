"""What happened while a form was open is not undone by saving it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from aviso.access.keys import revoke_key
from aviso.access.models import ApiKey
from aviso.feeds.models import Feed
from aviso.readers.models import Reader
from aviso.records.models import Record
from tests.admin_forms import read_form, save

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("admin"))
    return client


def test_a_record_that_was_changed_meanwhile_is_not_written_over(
    admin: Client, orders: Feed
) -> None:
    record = Record.objects.create(feed=orders, data={"a": 1})
    path = f"aviso/record/{record.pk}"
    form = read_form(admin, path)
    Record.objects.filter(pk=record.pk).update(data={"a": 2})

    page = save(admin, path, {**form, "text": '{"a": 3}'})

    assert "changed meanwhile" in page
    assert {"a": 2} == Record.objects.get().data
    save(admin, path, {**read_form(admin, path), "text": '{"a": 3}'})
    assert {"a": 3} == Record.objects.get().data


def test_a_feed_that_was_changed_meanwhile_is_not_written_over(
    admin: Client, orders: Feed
) -> None:
    form = read_form(admin, "aviso/feed/orders")
    Feed.objects.update(visibility="private")

    assert "changed meanwhile" in save(
        admin, "aviso/feed/orders", {**form, "title": "New"}
    )

    assert ("", "private") == Feed.objects.values_list("title", "visibility").get()


def test_what_the_form_does_not_show_is_left_as_it_is(
    admin: Client, orders: Feed
) -> None:
    form = read_form(admin, "aviso/feed/orders")

    def renew_epoch(execute: Any, sql: str, *rest: Any) -> Any:
        """Another hand, between the form's reading of the row and its writing."""
        if re.match(r"UPDATE .*feeds", sql):
            execute("UPDATE aviso.feeds SET epoch = 'other'", None, *rest[1:])
        return execute(sql, *rest)

    with connection.execute_wrapper(renew_epoch):
        save(admin, "aviso/feed/orders", {**form, "title": "New"})

    assert ("New", "other") == Feed.objects.values_list("title", "epoch").get()


def test_a_key_that_was_revoked_meanwhile_stays_revoked(admin: Client) -> None:
    ApiKey.objects.create(id="abc", name="x")
    form = read_form(admin, "aviso/apikey/abc")
    revoke_key("abc")

    page = save(admin, "aviso/apikey/abc", {**form, "may_write": "on"})

    key = ApiKey.objects.get()
    assert "changed meanwhile" in page
    assert (False, True) == (key.may_write, key.revoked_at is not None)


def test_a_key_is_changed_there(admin: Client) -> None:
    ApiKey.objects.create(id="abc", name="x", feeds=["orders"])

    save(
        admin,
        "aviso/apikey/abc",
        {**read_form(admin, "aviso/apikey/abc"), "may_write": "on"},
    )

    assert (True, ["orders"]) == ApiKey.objects.values_list("may_write", "feeds").get()


def test_a_reader_that_was_revoked_meanwhile_is_not_changed(
    admin: Client, secrets: Feed
) -> None:
    reader = Reader.objects.create(feed=secrets, reader="ada@localhost")
    form = read_form(admin, f"aviso/reader/{reader.pk}")
    Reader.objects.update(revoked_at="2026-01-01T00:00:00Z")

    end = {"expires_at_0": "2999-01-02", "expires_at_1": "03:04"}
    page = save(admin, f"aviso/reader/{reader.pk}", {**form, **end})

    assert "changed meanwhile" in page
    assert Reader.objects.get().expires_at is None


def test_a_page_without_what_it_was_is_refused(admin: Client, orders: Feed) -> None:
    form = read_form(admin, "aviso/feed/orders")
    del form["seen"]

    assert "changed meanwhile" in save(
        admin, "aviso/feed/orders", {**form, "title": "New"}
    )
