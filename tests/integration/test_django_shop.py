"""examples/django-shop on a real stack: a Django project's own models, live.

The shop has its own database, users and relay; the stack has RabbitMQ, the pusher,
ejabberd and Aviso's page, with its tables beside the shop's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from aviso_native.addresses import find_free_port  # on the path that running.py sets

from .page import FeedPage
from .projects import Project, database_of_its_own
from .running import PYTHON, REPOSITORY, Stack

PASSWORD = "of-the-shop's-own-staff"
PEOPLE = f"""
from shop.models import *
import aviso
blue, red = Tenant.objects.create(name="Blue"), Tenant.objects.create(name="Red")
ada = Person.objects.create_superuser("ada", password="{PASSWORD}", tenant=blue)
aviso.grant(ada, f"orders-{{blue.pk}}")
tea = Product.objects.create(name="Tea", price="2.50", supplier="nobody's business")
"""
ORDERS = """
from shop.models import *
tea, (blue, red) = Product.objects.get(), Tenant.objects.order_by("pk")
def place(whose, status, quantity):
    Order.objects.create(
        tenant=whose, product=tea, status=status, quantity=quantity, note="for us alone"
    )
place(red, "paid", 700000801)
place(blue, "draft", 700000802)
place(blue, "paid", 700000803)
"""


@pytest.fixture(scope="module")
def database_url(run_dirs: Callable[[], Path]) -> Iterator[str]:
    with database_of_its_own(run_dirs()) as url:
        yield url


@pytest.fixture(scope="module")
def shop(database_url: str) -> Project:
    """The shop with its tables and people in it."""
    shop = Project(
        [str(PYTHON), "manage.py"],
        REPOSITORY / "examples/django-shop",
        "services/records-api",
        SHOP_DATABASE_URL=database_url,
    )
    shop.environment["SHOP_PORT"] = str(shop.port)
    shop.manage("migrate", "--verbosity=0")
    shop.manage("makemigrations", "--check")
    shop.manage("shell", "--command", PEOPLE)
    return shop


def test_what_the_shop_saves_is_live_in_its_own_page_and_on_avisos(
    shop: Project,
    database_url: str,
    start_stack: Callable[..., Stack],
    browser: Browser,
    tmp_path: Path,
) -> None:
    stack = start_stack(AVISO_DATABASE_URL=database_url, AVISO_CORS_ORIGINS=shop.url)
    stack.stop_part("relay")
    shop.environment |= {
        "AVISO_PUBLIC_URL": stack.url,
        "AVISO_TICKET_SECRET": stack.facts["ticket_secret"],
        "AVISO_AMQP_URL": stack.facts["amqp_url"],
        "AVISO_RELAY_BIND": f"127.0.0.1:{find_free_port()}",
    }
    with (
        shop.running(tmp_path / "relay.log", "aviso_relay"),
        shop.serving(tmp_path / "server.log"),
    ):
        tab = _log_in(shop, browser)
        elements = tab.locator("record-feed")
        expect(elements.nth(0)).to_contain_text("Tea")
        page = FeedPage(browser.new_context().new_page(), stack.url, "products").open()

        shop.manage("shell", "--command", ORDERS)
        expect(elements.nth(1)).to_contain_text("700000803")
        _save_product_in_admin(shop, tab, "Coffee")

        expect(elements.nth(0)).to_contain_text("Coffee")
        expect(page.list).to_contain_text("Coffee")
        shown = elements.nth(0).inner_text() + elements.nth(1).inner_text()
        assert [
            word
            for word in ("700000801", "700000802", "for us alone", "nobody's business")
            if word in shown or word in page.list.inner_text()
        ] == []
        assert page.faults == []
        page.tab.context.close()
        tab.context.close()
    stack.interrupt()


def _log_in(shop: Project, browser: Browser) -> Page:
    tab = browser.new_context().new_page()
    tab.goto(f"{shop.url}/admin/login/?next=/")
    tab.fill("[name=username]", "ada")
    tab.fill("[name=password]", PASSWORD)
    tab.click("[type=submit]")
    return tab


def _save_product_in_admin(shop: Project, beside: Page, name: str) -> None:
    admin = beside.context.new_page()
    admin.goto(f"{shop.url}/admin/shop/product/add/")
    admin.fill("[name=name]", name)
    admin.fill("[name=price]", "3.20")
    admin.click("[name=_save]")
    admin.close()
