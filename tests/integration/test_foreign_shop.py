"""A shop that nobody here wrote, live: django-oscar, its own pages, three tables.

It knows nothing of Aviso and runs in an environment of its own. The stack is pointed at
its database and tracks what is there; whatever the shop's pages write appears.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .api import Api
from .database import Database
from .page import FeedPage
from .projects import Project, database_of_its_own
from .running import REPOSITORY, Stack
from .waiting import until_equal

ENVIRONMENT = ".tools/oscar"
STOCK = """
from oscar.core.loading import get_model
from oscar.test import factories
get_model("address", "Country").objects.create(
    iso_3166_1_a2="GB", printable_name="United Kingdom", is_shipping_country=True)
factories.create_product(title="A kettle", price=20, num_in_stock=9)
"""
TABLES = {
    "reviews": ("reviews_productreview", "id,title,score,body,status"),
    "baskets": ("basket_line", "id,basket_id,quantity,price_incl_tax"),
    "orders": ("order_order", "id,number,status,total_incl_tax,currency"),
}
ADDRESS = {
    "first_name": "Ada",
    "last_name": "Nobody-is-to-know",
    "line1": "1 Street",
    "line4": "Town",
    "postcode": "N1 9RT",
}


@pytest.fixture(scope="module")
def database_url(run_dirs: Callable[[], Path]) -> Iterator[str]:
    with database_of_its_own(run_dirs()) as url:
        yield url


@pytest.fixture(scope="module")
def shop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The shop with its tables and a kettle in it."""
    subprocess.run(
        ["make", "--silent", f"{ENVIRONMENT}/.installed"], cwd=REPOSITORY, check=True
    )
    python = REPOSITORY / ENVIRONMENT / "bin/python"
    folder = tmp_path_factory.mktemp("oscar")
    shop = Project(
        [str(python), "-m", "django"],
        folder,
        "tests/integration",
        DJANGO_SETTINGS_MODULE="oscar_shop.settings",
        SHOP_DATABASE_URL=database_url,
        SHOP_MEDIA_ROOT=str(folder),
    )
    shop.manage("migrate", "--run-syncdb", "--verbosity=0")
    shop.manage("shell", "--command", STOCK)
    return shop


def test_what_the_pages_of_a_foreign_shop_write_is_live(
    shop: Project,
    database_url: str,
    start_stack: Callable[..., Stack],
    browser: Browser,
    tmp_path: Path,
) -> None:
    stack = start_stack(AVISO_DATABASE_URL=database_url)
    for feed, (table, columns) in TABLES.items():
        wish = (f"public.{table}", feed, columns, "--public")
        stack.manage("track", *wish, AVISO_DATABASE_URL=database_url)
    database = Database(database_url)
    pages = {
        feed: FeedPage(browser.new_context().new_page(), stack.url, feed).open()
        for feed in TABLES
    }

    with shop.serving(tmp_path / "shop.log"):
        tab = browser.new_context().new_page()
        review(shop, tab)
        buy(shop, tab)
        tab.context.close()

    api = Api(stack.url)
    for feed, (table, columns) in TABLES.items():
        keys = [str(key) for (key,) in database.rows(f"SELECT id FROM {table}")]
        assert len(keys) == 1
        pages[feed].wait_for_rows(keys)
        rows = database.rows(
            f"SELECT to_jsonb(t) FROM (SELECT {columns} FROM {table}) t"
        )
        until_equal(
            [row for (row,) in rows],
            lambda feed=feed: [event["data"]["data"] for event in api.all_events(feed)][
                -1:
            ],
            f"the last word on {feed}",
        )
    api.close()
    order = pages["orders"]
    expect(order.list).to_contain_text("Pending")
    for page in pages.values():
        assert "Nobody-is-to-know" not in page.list.inner_text()
        assert page.faults == []
        page.tab.context.close()
    stack.interrupt()


def review(shop: Project, tab: Page) -> None:
    tab.goto(f"{shop.url}/catalogue/a-kettle_1/reviews/add/")
    tab.fill("[name=title]", "Boils")
    tab.fill("[name=body]", "In two minutes.")
    # Drawn as stars.
    tab.eval_on_selector("[name=score]", "field => { field.value = '5' }")
    tab.fill("[name=name]", "Ada")
    tab.fill("[name=email]", "nobody-is-to-know@example.org")
    press(tab, "button:has-text('Save review')")


def buy(shop: Project, tab: Page) -> None:
    tab.goto(f"{shop.url}/catalogue/a-kettle_1/")
    press(tab, "button:has-text('Add to basket')")
    tab.goto(f"{shop.url}/checkout/")
    tab.fill("[name=username]", "ada@example.org")
    tab.check("[name=options][value=anonymous]")
    press(tab, "button:has-text('Continue')")
    for field, value in ADDRESS.items():
        tab.fill(f"[name={field}]", value)
    press(tab, "button:has-text('Continue')")
    press(tab, "text=Continue")
    press(tab, "#place-order")
    tab.wait_for_url("**/checkout/thank-you/")


def press(tab: Page, what: str) -> None:
    with tab.expect_navigation():
        tab.click(what)
