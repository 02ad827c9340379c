"""What happened to a person or a group while its form was open is not undone."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.admin_forms import read_form, save

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ada"))
    return client


@pytest.fixture
def ben() -> User:
    return User.objects.create_user("ben", is_staff=True)


@pytest.fixture
def readers() -> Group:
    group = Group.objects.create(name="readers")
    group.permissions.add(may("view_record"), may("change_record"))
    return group


def may(codename: str) -> Permission:
    return Permission.objects.get(codename=codename)


def before_writing(
    table: str, change: Callable[[], object]
) -> AbstractContextManager[None]:
    """Another hand, between the page's reading of the row and its writing."""
    done: list[bool] = []

    def write(execute: Any, sql: str, *rest: Any) -> Any:
        if re.match(f'UPDATE "?{table}', sql) and not done:
            done.append(True)
            change()
        return execute(sql, *rest)

    return connection.execute_wrapper(write)


def test_a_person_who_was_shut_out_meanwhile_stays_out(
    admin: Client, ben: User
) -> None:
    form = read_form(admin, path := f"auth/user/{ben.pk}")
    User.objects.filter(pk=ben.pk).update(is_active=False)

    page = save(admin, path, {**form, "first_name": "Ben"})

    ben.refresh_from_db()
    assert "changed meanwhile" in page
    assert (False, "") == (ben.is_active, ben.first_name)


def test_a_right_that_was_taken_from_a_person_meanwhile_stays_taken(
    admin: Client, ben: User, readers: Group
) -> None:
    ben.groups.add(readers)
    ben.user_permissions.add(may("add_feed"))
    form = read_form(admin, path := f"auth/user/{ben.pk}")
    ben.groups.clear()
    ben.user_permissions.clear()

    page = save(admin, path, {**form, "first_name": "Ben"})

    assert "changed meanwhile" in page
    assert [0, 0] == [ben.groups.count(), ben.user_permissions.count()]


def test_a_right_that_was_taken_from_a_group_meanwhile_stays_taken(
    admin: Client, readers: Group
) -> None:
    form = read_form(admin, path := f"auth/group/{readers.pk}")
    readers.permissions.remove(may("change_record"))

    page = save(admin, path, {**form, "name": "all readers"})

    assert "changed meanwhile" in page
    assert [may("view_record")] == list(readers.permissions.all())


def test_a_person_who_came_in_meanwhile_is_changed_and_has_been_in(
    admin: Client, ben: User
) -> None:
    form = read_form(admin, path := f"auth/user/{ben.pk}")
    came = timezone.now()
    User.objects.filter(pk=ben.pk).update(last_login=came)

    save(admin, path, {**form, "first_name": "Ben"})

    ben.refresh_from_db()
    assert ("Ben", came) == (ben.first_name, ben.last_login)


def test_what_a_persons_form_does_not_change_is_left_as_it_is(
    admin: Client, ben: User
) -> None:
    form = read_form(admin, path := f"auth/user/{ben.pk}")

    def change_password() -> None:
        User.objects.filter(pk=ben.pk).update(password="another")  # noqa: S106 # not one

    with before_writing("auth_user", change_password):
        save(admin, path, {**form, "first_name": "Ben"})

    ben.refresh_from_db()
    assert ("Ben", "another") == (ben.first_name, ben.password)


def test_a_new_password_changes_nothing_else(admin: Client, ben: User) -> None:
    words = {"password1": "long-Enough-9", "password2": "long-Enough-9"}

    def shut_out() -> None:
        User.objects.filter(pk=ben.pk).update(is_active=False)

    with before_writing("auth_user", shut_out):
        admin.post(
            f"/admin/auth/user/{ben.pk}/password/",
            {"usable_password": "true", **words},
        )

    ben.refresh_from_db()
    assert (True, False) == (ben.check_password("long-Enough-9"), ben.is_active)


def test_the_own_password_changes_nothing_else(client: Client, ben: User) -> None:
    ben.set_password("old-Enough-9")
    ben.save()
    client.force_login(ben)
    words = {"new_password1": "long-Enough-9", "new_password2": "long-Enough-9"}

    def lessen() -> None:
        User.objects.filter(pk=ben.pk).update(is_staff=False)

    with before_writing("auth_user", lessen):
        client.post(
            "/admin/password_change/", {"old_password": "old-Enough-9", **words}
        )

    ben.refresh_from_db()
    assert (True, False) == (ben.check_password("long-Enough-9"), ben.is_staff)


def test_a_person_is_changed_there(admin: Client, ben: User, readers: Group) -> None:
    path = f"auth/user/{ben.pk}"

    save(admin, path, {**read_form(admin, path), "groups": [readers.pk]})
    save(admin, path, {**read_form(admin, path), "is_superuser": "on"})

    ben.refresh_from_db()
    assert ([readers], True) == (list(ben.groups.all()), ben.is_superuser)


def test_a_group_is_changed_there(admin: Client, readers: Group) -> None:
    path = f"auth/group/{readers.pk}"
    rights = [may("view_feed").pk]

    save(admin, path, {**read_form(admin, path), "permissions": rights})
    save(admin, path, {**read_form(admin, path), "name": "all"})

    readers.refresh_from_db()
    assert ("all", [may("view_feed")]) == (
        readers.name,
        list(readers.permissions.all()),
    )


def test_who_may_only_look_sees_a_person_and_a_group(
    client: Client, ben: User, readers: Group
) -> None:
    ben.user_permissions.add(may("view_user"), may("view_group"))
    client.force_login(ben)

    pages = [
        client.get(f"/admin/auth/{path}/change/").status_code
        for path in (f"user/{ben.pk}", f"group/{readers.pk}")
    ]

    assert [200, 200] == pages
