"""What a project calls: publish, grant, a ticket, and what its own tests look at."""

from __future__ import annotations

import jwt

from tests.project.driver import TICKET_SECRET, Project
from tests.project.test_tracking import ORDER
from tests.relay.drivers import Database

KEY = """
import uuid
class Customer(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
"""


def test_an_event_without_a_row_is_published_with_its_transaction(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()
    project.manage("create_feed", "news")

    said = project.run("""
import datetime, decimal
from aviso.models import Feed
subject = aviso.publish("news", {
    "at": datetime.date(2026, 1, 2), "price": decimal.Decimal("1.50")})
aviso.publish("news", {"é": None}, subject="mine")
try:
    with transaction.atomic():
        aviso.publish("news", {"never": 1})
        raise KeyError
except KeyError:
    pass
refused = []
for feed, data in [("nowhere", {}), ("orders", {}), ("news", {"x": float("nan")}),
                   ("news", {"x": "y" * 70000}), ("news", {"x": "\\x00"}), ("news", 7)]:
    try:
        aviso.publish(feed, data)
    except (Feed.DoesNotExist, ValueError) as exc:
        refused.append(str(exc))
show([subject, refused])
""")

    subject, refused = said
    assert [
        ("created", subject, '{"at":"2026-01-02","price":1.50}'),
        ("created", "mine", '{"é":null}'),
    ] == database.run(
        "SELECT type, subject, data::json ->> 'data' FROM aviso.events"
        " ORDER BY changeset"
    )
    for reason, words in zip(
        refused,
        ["no feed 'nowhere'", "shows public.shop_order", "no form in JSON",
         "bytes, expected 65536", "no form in JSON", "expected a dict"],
        strict=True,
    ):  # fmt: skip
        assert words in reason


def test_a_user_is_let_in_gets_tickets_and_is_put_out(
    project: Project, database: Database
) -> None:
    project.write_models(KEY)
    settings = project.folder / "site_of_shop/settings.py"
    with settings.open("a") as text:
        text.write('AUTH_USER_MODEL = "shop.Customer"\n')
    urls = project.folder / "site_of_shop/urls.py"
    with urls.open("a") as text:
        text.write('import aviso\nurlpatterns.append(path("t", aviso.token_view))\n')
    models = project.folder / "shop/models.py"
    plain = models.read_text().replace("Person(AbstractUser)", "Person(models.Model)")
    models.write_text(plain)
    project.make_and_migrate()
    project.manage("create_feed", "orders-7", "--private")
    project.manage("create_feed", "prices")

    said = project.run("""
from django.test import Client
from django.core.exceptions import PermissionDenied
ada = Customer.objects.create_user("ada")
client = Client()
def ask(feeds=""):
    answer = client.post("/t" + feeds)
    return [answer.status_code, answer.json().get("ticket")]
answers = [ask()]
client.force_login(ada)
answers += [ask(), ask("?feeds=prices,orders-7,nowhere")]
aviso.grant(ada, "orders-7")
answers += [ask(), ask("?feeds=prices,orders-7,nowhere")]
answers += [[200, aviso.reader_token(ada)]]
aviso.revoke(ada, "orders-7")
answers += [ask()]
show([str(ada.pk), client.get("/t").status_code, answers])
""")

    key, refused, answers = said
    opened = [
        status if ticket is None else _read(ticket)["feeds"]
        for status, ticket in answers
    ]
    assert 405 == refused
    assert [
        401, 403, ["prices"], ["orders-7"], ["prices", "orders-7"], ["orders-7"], 403,
    ] == opened  # fmt: skip
    assert f"u-{key}@ticket.localhost" == _read(answers[3][1])["sub"]
    assert ["granted", "revoked"] == [
        kind for (kind,) in database.run("SELECT type FROM aviso.events")
    ]


def test_somebody_is_let_into_the_feed_of_a_value_before_its_first_row(
    project: Project, database: Database
) -> None:
    project.write_models("""
@aviso.feed("places-{name}", fields=["id", "name"])
class Place(models.Model):
    name = models.TextField(null=True)
""")
    project.make_and_migrate()

    project.run("""
ada = Person.objects.create_user("ada")
from aviso.models import Feed
for feed in ["places-a", "places-b--c-c3-a9", "places--n"]:
    aviso.grant(ada, feed)
try:
    aviso.grant(ada, "places-A")
except Feed.DoesNotExist:
    Place.objects.create(name="b-cé")
""")

    assert [("places--n", None), ("places-a", "a"), ("places-b--c-c3-a9", "b-cé")] == (
        database.run("SELECT feed, value FROM aviso.tracked_feeds ORDER BY feed")
    )
    assert [("private",)] == database.run("SELECT DISTINCT visibility FROM aviso.feeds")
    assert [("places-b--c-c3-a9",)] == database.run(
        "SELECT feed FROM aviso.events WHERE type = 'created'"
    )


def test_a_projects_tests_see_events_without_broker_or_relay(project: Project) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()
    (project.folder / "shop/tests.py").write_text('''
import aviso.testing
from django.test import TestCase, TransactionTestCase
from shop.models import Order


class Rolled(TestCase):
    def test_events(self):
        Order.objects.create(status="before")
        with aviso.testing.captured() as events:
            order = Order.objects.create(status="paid")
            self.assertEqual(["created"], [event.type for event in events])
            order.delete()
        Order.objects.create(status="after")
        self.assertEqual(
            [("orders", "created", "paid"), ("orders", "deleted", "paid")],
            [(event.feed, event.type, event.data["status"]) for event in events])
        self.assertEqual({str(events[0].subject)}, {event.subject for event in events})


class Committed(TransactionTestCase):
    """Emptied by TRUNCATE, before and behind."""

    def test_once(self):
        Order.objects.create(status="paid")

    def test_again(self):
        with aviso.testing.captured() as events:
            Order.objects.create(status="paid")
        self.assertEqual(1, len(events))
''')

    assert "OK" in project.manage("test", "--no-input")


def test_the_admin_site_shows_what_aviso_knows(project: Project) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()

    said = project.run("""
from django.apps import apps
from django.contrib import admin
from django.test import Client
Order.objects.create(status="paid")
client = Client()
client.force_login(Person.objects.create_superuser("root"))
pages = {}
for model in admin.site._registry:
    if model._meta.app_label == "aviso":
        name = model._meta.model_name
        pages[name] = client.get(f"/admin/aviso/{name}/").status_code
show([client.get("/admin/").status_code, pages])
""")

    index, pages = said
    assert 200 == index
    assert {"feed", "reader", "event", "parkedevent", "tracked"} <= pages.keys()
    assert {"apikey", "record"}.isdisjoint(pages)
    assert {200} == set(pages.values())


def test_a_table_is_tracked_on_the_projects_own_admin_site(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()

    [declared, done] = project.run("""
import re
from django.test import Client
Person.objects.create(username="ada")
client = Client()
client.force_login(Person.objects.create_superuser("root"))
form = {"columns": ["username"], "feed": "people", "where": "NOT is_superuser",
        "visibility": "private", "on_truncate": "reset", "max_feeds": "1"}
def look(table, **changes):
    page = f"/admin/aviso/tracked/add/?table=public.{table}"
    shown = client.post(page, {**form, **changes, "_preview": "1"}).content.decode()
    return page, shown
_, declared = look("shop_order", columns=["total"], where="")
page, shown = look("shop_person")
assert "ada" in shown and "root" not in shown.split("The first rows")[1]
seen = re.search('name="seen" value="([^"]+)"', shown)[1]
done = client.post(page, {**form, "seen": seen, "_track": "1"}, follow=True)
show([declared, done.content.decode()])
""")

    assert "The model shop.Order declares its feed in the project" in declared
    assert "shop_person is tracked as people" in done
    assert [("people", ["id", "username"])] == database.run(
        "SELECT feed, columns FROM aviso.tracked WHERE table_name = 'shop_person'"
    )


def _read(ticket: str) -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(ticket, TICKET_SECRET, algorithms=["HS256"])
    return claims
