"""Somebody's own PostgreSQL behind the containers: a table of his, live on a page."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from integration.page import FeedPage
from integration.waiting import until
from playwright.sync_api import Browser

from aviso_native.addresses import find_free_port

from .stack import ComposeStack

pytestmark = pytest.mark.timeout(900)

PASSWORD = "own/shop@100%"
ROLE = f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'"
TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, status text, card text)"
TRACK = (
    "SELECT aviso.track('public.orders', feed => 'orders', columns => '{id,status}',"
    " visibility => 'public')"
)


class ShopDatabase:
    """A PostgreSQL that is none of the stack's; containers reach it by the host."""

    def __init__(self) -> None:
        self.name = f"aviso-test-shop-{uuid.uuid4().hex[:8]}"
        self.port = find_free_port()

    def start(self) -> None:
        _docker(
            *("run", "--detach", "--rm", f"--name={self.name}"),
            *("--env=POSTGRES_PASSWORD=postgres", f"--publish={self.port}:5432"),
            "postgres:18",
        )
        until(self._is_up, "the shop's PostgreSQL")
        self.run("postgres", "postgres", "postgres", ROLE)
        self.run("postgres", "postgres", "postgres", "CREATE DATABASE shop OWNER shop")

    def remove(self) -> None:
        _docker("rm", "--force", "--volumes", self.name)

    def as_shop(self, *statements: str) -> None:
        self.run("shop", PASSWORD, "shop", *statements)

    def url(self, host: str) -> str:
        return f"postgresql://shop:{quote(PASSWORD, safe='')}@{host}:{self.port}/shop"

    def run(self, user: str, password: str, database: str, *statements: str) -> None:
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=password,
            dbname=database,
            autocommit=True,
        ) as connection:
            for statement in statements:
                connection.execute(statement)

    def _is_up(self) -> bool:
        try:
            self.run("postgres", "postgres", "postgres", "SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture
def shop() -> Iterator[ShopDatabase]:
    database = ShopDatabase()
    try:
        database.start()
        yield database
    finally:
        database.remove()


@pytest.fixture
def own_stack(shop: ShopDatabase, tmp_path: Path) -> Iterator[ComposeStack]:
    """A stack whose records and events stand in the shop's database."""
    stack = ComposeStack(tmp_path)
    url = shop.url("host.docker.internal")
    stack.env_file.write_text(f"AVISO_DATABASE_URL='{url}'\n")
    try:
        stack.up()
        yield stack
    finally:
        stack.down("--volumes", "--remove-orphans")
    assert stack.leftovers() == []


def test_a_table_of_ones_own_database_is_live(
    shop: ShopDatabase, own_stack: ComposeStack, browser: Browser
) -> None:
    shop.as_shop(TABLE, "INSERT INTO orders VALUES (1, 'old', 'secret')", TRACK)
    page = FeedPage(browser.new_page(), own_stack.url, "orders").open()
    page.wait_for_record("1")

    shop.as_shop("INSERT INTO orders VALUES (2, 'new', 'secret')")

    page.wait_for_record("2")
    assert "secret" not in page.list.inner_text()
    assert page.faults == []
    page.tab.close()


def test_a_database_that_lets_nobody_in_is_told_before_anything_starts(
    shop: ShopDatabase, tmp_path: Path
) -> None:
    stack = ComposeStack(tmp_path)
    right = shop.url("host.docker.internal")
    secret = quote(PASSWORD, safe="")
    wrong = {
        right.replace(secret, "wrong"): "password authentication failed",
        f"{right.rpartition('/')[0]}/shoes": 'database "shoes" does not exist',
        right.replace(f":{shop.port}/", ":1/"): "port 1",
    }
    stack.env_file.write_text(f"AVISO_DATABASE_URL='{right}'\n")
    try:
        for url, words in wrong.items():
            # Behind the secrets that the first try has made; the last one counts.
            with stack.env_file.open("a") as env:
                env.write(f"AVISO_DATABASE_URL='{url}'\n")
            with pytest.raises(AssertionError) as failed:
                stack.up()
            said = str(failed.value)
            assert "AVISO_DATABASE_URL leads to no database" in said
            assert words in said
            assert secret not in said
            assert stack.listed("ps", "--all", "--quiet") == []
    finally:
        stack.down("--volumes", "--remove-orphans")


def _docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=120)
