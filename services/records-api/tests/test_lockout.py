"""Guessing of passwords on the admin site ends; others still log in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/?next=/admin/"
LIMIT = 10
HERE = "203.0.113.20"
RIGHT = "a-right-password"


@pytest.fixture(autouse=True)
def _ada(db: None, settings: Settings) -> None:
    # The slow hash of passwords is Django's own business.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    User.objects.create_superuser("ada", password=RIGHT)


def log_in(password: str, *, name: str = "ada", told: str = HERE) -> int:
    form = {"username": name, "password": password}
    answer = Client().post(LOGIN, form, headers={"X-Forwarded-For": told})
    return answer.status_code


def guess(count: int) -> list[int]:
    return [log_in("wrong", name=f"user-{n}") for n in range(count)]


def test_ten_wrong_passwords_shut_the_login_whatever_the_names() -> None:
    statuses = guess(LIMIT)

    assert [200] * (LIMIT - 1) + [429] == statuses
    assert 429 == log_in(RIGHT)


def test_a_few_wrong_passwords_do_not() -> None:
    guess(LIMIT - 1)

    assert 302 == log_in(RIGHT)


def test_who_comes_from_elsewhere_still_logs_in() -> None:
    guess(LIMIT)

    assert 302 == log_in(RIGHT, told="203.0.113.21")


def test_a_forged_address_does_not_open_it() -> None:
    guess(LIMIT)

    assert 429 == log_in(RIGHT, told=f"198.51.100.1, {HERE}")


def test_it_opens_after_a_while() -> None:
    guess(LIMIT)

    attempts = apps.get_model("axes", "AccessAttempt").objects
    attempts.update(attempt_time=F("attempt_time") - timedelta(minutes=16))

    assert 302 == log_in(RIGHT)


def test_no_password_is_kept() -> None:
    log_in("wrong-but-nearly-right")

    attempts = apps.get_model("axes", "AccessAttempt").objects.all()
    kept = [str(vars(attempt)) for attempt in attempts]
    assert 1 == len(kept)
    assert "nearly" not in kept[0]
