"""Who may do what: keys, their scope and their end; anonymous callers; staff."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from aviso.access.keys import find_key, revoke_key
from aviso.access.models import ApiKey
from aviso.feeds.models import Feed
from aviso.records.models import Record
from tests.api import Api, make_api

pytestmark = pytest.mark.django_db
ONE = {"data": {"n": 1}}


def test_anyone_reads_a_public_feed(orders: Feed, anonymous: Api) -> None:
    record = Record.objects.create(feed=orders, data={})

    for path in ["", "records/", "events/", f"records/{record.id}/"]:
        assert 200 == anonymous.get(f"feeds/orders/{path}").status


@pytest.mark.parametrize("path", ["", "records/", "events/"])
def test_a_private_feed_looks_like_none(
    secrets: Feed, anonymous: Api, path: str
) -> None:
    stranger = make_api(feeds=["orders"], read=True, write=True, manage=True)
    for caller in [anonymous, stranger]:
        hidden = caller.get(f"feeds/secrets/{path}").problem(404)
        absent = caller.get(f"feeds/nothing/{path}").problem(404)

        assert hidden == {**absent, "detail": hidden["detail"]}
        assert hidden["detail"] == absent["detail"].replace("nothing", "secrets")


def test_a_key_reads_the_private_feeds_of_its_scope(secrets: Feed) -> None:
    reader = make_api(feeds=["secrets"], read=True)

    assert 200 == reader.get("feeds/secrets/records/").status


def test_a_record_is_not_found_through_another_feed(
    orders: Feed, secrets: Feed, anonymous: Api
) -> None:
    record = Record.objects.create(feed=secrets, data={})

    anonymous.get(f"feeds/orders/records/{record.id}/").problem(404)


def test_a_write_needs_a_key_whatever_the_feed(
    orders: Feed, secrets: Feed, anonymous: Api
) -> None:
    for feed in ["orders", "secrets", "nothing"]:
        reply = anonymous.post(f"feeds/{feed}/records/", ONE)

        assert "Authorization" == reply.problem(401)["field"]
        assert 'Bearer realm="aviso"' == reply.headers["WWW-Authenticate"]
    anonymous.post("feeds/", {"slug": "new"}).problem(401)
    anonymous.patch("feeds/orders/", {"title": "x"}).problem(401)


def test_a_key_that_may_only_read_does_not_write(orders: Feed) -> None:
    reader = make_api(all_feeds=True, read=True)
    record = Record.objects.create(feed=orders, data={})
    path = f"feeds/orders/records/{record.id}/"

    reader.post("feeds/orders/records/", ONE).problem(403)
    reader.put(path, ONE).problem(403)
    reader.patch(path, ONE).problem(403)
    reader.delete(path).problem(403)
    assert {} == Record.objects.get().data


def test_a_key_that_may_only_write_does_not_read_a_private_feed(
    secrets: Feed,
) -> None:
    writer = make_api(feeds=["secrets"], write=True)

    assert 201 == writer.post("feeds/secrets/records/", ONE).status
    writer.get("feeds/secrets/records/").problem(403)


def test_a_key_writes_only_where_its_scope_reaches(orders: Feed) -> None:
    writer = make_api(feeds=["other"], write=True)

    writer.post("feeds/orders/records/", ONE).problem(403)


def test_only_a_key_that_may_manage_makes_and_changes_feeds(orders: Feed) -> None:
    writer = make_api(all_feeds=True, read=True, write=True)

    writer.post("feeds/", {"slug": "new"}).problem(403)
    writer.patch("feeds/orders/", {"title": "x"}).problem(403)


def test_a_key_makes_only_the_feeds_that_it_is_for(db: None) -> None:
    manager = make_api(feeds=["mine"], manage=True)

    assert 201 == manager.post("feeds/", {"slug": "mine"}).status
    manager.post("feeds/", {"slug": "yours"}).problem(403)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer wrong",
        "Bearer ",
        "Bearer",
        "Basic YTpi",
        "",
        f"Bearer aviso_{'a' * 12}_{'b' * 43}",
        f"Bearer aviso_{'a' * 12}_{'é' * 43}",
    ],
)
def test_a_wrong_key_is_refused_even_where_none_is_needed(
    orders: Feed, header: str
) -> None:
    Api().get("feeds/orders/", Authorization=header).problem(401)


def test_the_secret_counts_and_not_only_the_id(api: Api, orders: Feed) -> None:
    assert api.key is not None
    other = api.key[:-1] + ("a" if api.key[-1] != "a" else "b")

    Api(other).get("feeds/orders/").problem(401)


def test_a_revoked_key_is_refused(api: Api, orders: Feed) -> None:
    assert revoke_key(ApiKey.objects.get().id)

    api.post("feeds/orders/records/", ONE).problem(401)


def test_an_expired_key_is_refused(api: Api, orders: Feed) -> None:
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    api.get("feeds/orders/").problem(401)


def test_the_key_itself_is_not_stored(api: Api) -> None:
    assert api.key is not None
    secret = api.key.rpartition("_")[2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_keys::text FROM aviso.api_keys")
        stored = cursor.fetchone()[0]

    assert secret not in stored


def test_the_use_of_a_key_is_noted_once_a_minute(api: Api, orders: Feed) -> None:
    api.get("feeds/orders/")
    first = ApiKey.objects.get().last_used_at
    api.get("feeds/orders/")

    assert first is not None
    assert first == ApiKey.objects.get().last_used_at
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    api.get("feeds/orders/")
    again = ApiKey.objects.get().last_used_at
    assert again is not None
    assert again > first - timedelta(minutes=2)


def test_a_key_is_found_by_its_text_alone(api: Api) -> None:
    assert api.key is not None

    assert ApiKey.objects.get() == find_key(api.key)
    assert find_key(api.key + "x") is None
    assert find_key(api.key.upper()) is None


def _staff_api(*permissions: str, enforce_csrf: bool = False) -> Api:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(raise_request_exception=False, enforce_csrf_checks=enforce_csrf)
    client.force_login(user)
    return Api(client=client)


def test_staff_who_may_edit_records_write_over_rest(secrets: Feed) -> None:
    staff = _staff_api("add_record", "change_record", "delete_record", "view_record")

    assert 201 == staff.post("feeds/secrets/records/", ONE).status
    assert 200 == staff.get("feeds/secrets/records/").status
    staff.patch("feeds/secrets/", {"title": "x"}).problem(403)


def test_staff_without_the_permission_do_not(orders: Feed) -> None:
    _staff_api().post("feeds/orders/records/", ONE).problem(403)


def test_a_session_does_not_write_without_its_csrf_token(orders: Feed) -> None:
    staff = _staff_api(
        "add_record", "change_record", "delete_record", enforce_csrf=True
    )

    problem = staff.post("feeds/orders/records/", ONE).problem(403)

    assert "CSRF" in problem["detail"]


def test_a_session_of_no_staff_reads_what_anyone_reads(
    orders: Feed, secrets: Feed
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_user("visitor"))
    visitor = Api(client=client)

    assert 200 == visitor.get("feeds/orders/records/").status
    visitor.get("feeds/secrets/").problem(404)
    visitor.post("feeds/orders/records/", ONE).problem(403)
