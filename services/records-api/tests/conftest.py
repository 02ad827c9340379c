"""Every test runs against a real PostgreSQL.

It is the one that AVISO_TEST_DATABASE_URL names, else a private one that is started
here and stopped at the end. Settings are read at import, so it comes before Django.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import django
import hypothesis
import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker, Settings

from tests.postgresql import private_postgresql

if TYPE_CHECKING:
    from aviso.feeds.models import Feed
    from tests.api import Api
    from tests.serving import Server

_servers = contextlib.ExitStack()

# A machine that stands still for a moment is no fault of what is tested.
hypothesis.settings.register_profile(
    "patient",
    hypothesis.settings.default,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    url = os.environ.get("AVISO_TEST_DATABASE_URL")
    if not url:
        url = _servers.enter_context(private_postgresql())
    # What a worker of pytest-xdist needs too is left.
    for name in [name for name in os.environ if name.startswith("AVISO_")]:
        if name != "AVISO_TEST_POSTGRESQL":
            del os.environ[name]
    os.environ |= {
        "AVISO_DATABASE_URL": url,
        "AVISO_PUBLIC_URL": "http://localhost:8080",
        "AVISO_SECRET_KEY": "only-for-tests-" * 4,
        "AVISO_TICKET_SECRET": "only-for-tickets-" * 4,
        "DJANGO_SETTINGS_MODULE": "records_api.settings",
    }
    django.setup()
    # Nor is it one who searches for too long, whom tests in this process don't try.
    from aviso.database import limits

    limits.STRANGERS_STATEMENT_TIMEOUT_MS = 120_000
    # Else the static files are listed for each test's client: half of its time.
    settings.WHITENOISE_AUTOREFRESH = True


def pytest_unconfigure() -> None:
    _servers.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders: their tests take long, none is to be left for the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.parent == here)


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this process to one minute, with nothing taken from the last one."""
    from aviso.access.quotas import quotas

    minute = time.time() // 60 + 10
    monkeypatch.setattr(quotas, "_clock", lambda: 60 * minute + 30)
    monkeypatch.setattr(quotas, "_minute", 0)


@pytest.fixture
def no_limits(settings: Settings) -> None:
    """Have no request take its place in the limits, for tests that count statements.

    The first of a minute does, and one in a hundredth of the limit.
    """
    settings.AVISO_THROTTLE_KEY = settings.AVISO_THROTTLE_ADDRESS = 0


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Allow TRUNCATE, with which Django empties tables after a test.

    A test that is about the refusal switches the trigger on again.
    """
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE aviso.records DISABLE TRIGGER records_truncating")
        cursor.execute("ALTER TABLE aviso.readers DISABLE TRIGGER readers_truncating")


@pytest.fixture(scope="module")
def server(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The service as it runs, over the tests' database, for tests that commit."""
    from tests.serving import serving

    with serving(tmp_path_factory.mktemp("service")) as server:
        yield server


@pytest.fixture
def orders(db: None) -> Feed:
    """A public feed without records."""
    from aviso.feeds.models import Feed

    return Feed.objects.create(slug="orders")


@pytest.fixture
def secrets(db: None) -> Feed:
    """A private feed without records."""
    from aviso.feeds.models import Feed

    return Feed.objects.create(slug="secrets", visibility="private")


@pytest.fixture
def api(db: None) -> Api:
    """A caller whose key may do everything."""
    from tests.api import make_api

    return make_api()


@pytest.fixture
def anonymous(db: None) -> Api:
    from tests.api import Api

    return Api()
