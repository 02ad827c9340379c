"""A model with `@aviso.feed`: its migrations make, change and end the tracking."""

from __future__ import annotations

from tests.project.driver import Project
from tests.relay.drivers import Database

ORDER = """
@aviso.feed("orders", fields=["id", "status", "total"], where=~Q(status="draft"))
class Order(models.Model):
    status = models.CharField(max_length=10)
    total = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    secret = models.TextField(default="")
"""
ROW = 'SELECT feed, columns, "where", key FROM aviso.tracked WHERE table_name = %s'
TOLD = "SELECT type, subject, data::jsonb -> 'data' FROM aviso.events" + (
    " WHERE feed = 'orders' ORDER BY changeset, place"
)


def test_a_model_is_tracked_by_its_migration(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()

    project.run("""
order = Order.objects.create(status="draft", total="1.50", secret="s")
order.status = "paid"; order.save()
Order.objects.update(secret="changed")
Order.objects.filter(pk=order.pk).update(total="2.50")
order.delete()
""")

    assert [
        ("created", "1", {"id": 1, "status": "paid", "total": 1.5}),
        ("updated", "1", {"id": 1, "status": "paid", "total": 2.5}),
        ("deleted", "1", {"id": 1, "status": "paid", "total": 2.5}),
    ] == database.run(TOLD)
    assert "No changes detected" in project.manage("makemigrations", "--check")
    assert "no issues" in project.manage("check", "--database", "default")


def test_the_migration_comes_after_those_of_aviso(project: Project) -> None:
    project.write_models(ORDER)
    project.manage("makemigrations", "shop")

    text = "".join(path.read_text() for path in project.migrations())
    assert "('aviso', '00" in text


def test_a_migration_goes_back_and_a_decorator_goes(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER.replace("@aviso", "# @aviso"))
    project.make_and_migrate()
    project.write_models(ORDER)
    project.make_and_migrate()

    project.manage("migrate", "shop", "0001", "--verbosity=0")
    assert [] == database.run(ROW, "shop_order")

    project.manage("migrate", "shop", "--verbosity=0")
    assert [("orders",)] == database.run("SELECT feed FROM aviso.tracked")
    project.write_models(ORDER.replace("@aviso", "# @aviso"))
    project.make_and_migrate()
    project.run('Order.objects.create(status="paid")')
    assert [] == database.run(ROW, "shop_order")
    # When it was tracked again, and nothing since.
    assert [("reset", None, None)] == database.run(TOLD)


def test_another_list_of_fields_is_tracked_anew(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()
    project.write_models(ORDER.replace('"total"],', '"total", "secret"],'))
    project.make_and_migrate()

    project.run('Order.objects.create(status="paid", secret="shown")')

    assert (
        "created",
        "1",
        {"id": 1, "status": "paid", "total": 0, "secret": "shown"},
    ) == (database.run(TOLD)[-1])


def test_a_field_that_is_renamed(project: Project, database: Database) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()
    project.write_models(ORDER.replace("total", "amount"))
    # Whether it was renamed is asked; no terminal, no question.
    (project.folder / "shop/migrations/0002_amount.py").write_text("""
from django.db import migrations
from django.db.models import Q
import aviso.tracking.constraint
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RemoveConstraint(model_name="order", name="aviso_orders"),
        migrations.RenameField("order", "total", "amount"),
        migrations.AddConstraint(
            model_name="order",
            constraint=aviso.tracking.constraint.Tracking(
                feed="orders", fields=["id", "status", "amount"],
                where=~Q(status="draft"))),
    ]
""")
    assert "No changes detected" in project.manage("makemigrations", "--check")
    project.make_and_migrate()

    project.run('Order.objects.create(status="paid", amount=3)')

    assert ("created", "1", {"id": 1, "status": "paid", "amount": 3}) == (
        database.run(TOLD)[-1]
    )


def test_a_model_that_is_renamed_keeps_its_feed(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()
    project.write_models(ORDER.replace("class Order", "class Purchase"))
    (project.folder / "shop/migrations/0002_purchase.py").write_text("""
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RenameModel("Order", "Purchase")]
""")
    assert "No changes detected" in project.manage("makemigrations", "--check")
    project.make_and_migrate()

    project.run('Purchase.objects.create(status="paid")')

    assert ("created", "1", {"id": 1, "status": "paid", "total": 0}) == (
        database.run(TOLD)[-1]
    )


def test_a_foreign_key_a_composite_key_and_a_feed_a_value(
    project: Project, database: Database
) -> None:
    project.write_models("""
class Tenant(models.Model):
    name = models.CharField(max_length=20)

@aviso.feed("lines-{tenant}", fields=["tenant", "number", "text"], visibility="public")
class Line(models.Model):
    pk = models.CompositePrimaryKey("tenant_id", "number")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE)
    number = models.IntegerField()
    text = models.TextField(db_column="Wörter", default="100 % 'quoted'")
""")
    project.make_and_migrate()

    project.run('Line.objects.create(tenant=Tenant.objects.create(name="a"), number=7)')

    assert [
        ("lines-1", "created", '["1","7"]', {
            "tenant_id": 1, "number": 7, "Wörter": "100 % 'quoted'",
        }),
    ] == database.run(
        "SELECT feed, type, subject, data::jsonb -> 'data' FROM aviso.events"
    )  # fmt: skip
    assert [("public",)] == database.run("SELECT visibility FROM aviso.tracked")


def test_a_child_of_another_model_is_tracked_by_its_own_columns(
    project: Project, database: Database
) -> None:
    project.write_models("""
class Product(models.Model):
    name = models.TextField()

@aviso.feed("books", fields=["product_ptr", "isbn"], where=Q(isbn__startswith="9%"))
class Book(Product):
    isbn = models.TextField()
""")
    project.make_and_migrate()

    project.run("""
Book.objects.create(name="n", isbn="9%1")
Book.objects.create(name="n", isbn="91")
""")

    assert [("1", {"product_ptr_id": 1, "isbn": "9%1"})] == database.run(
        "SELECT subject, data::jsonb -> 'data' FROM aviso.events"
    )


def test_what_djangos_bulk_methods_write_is_told(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()

    project.run("""
Order.objects.create(pk=1, status="paid", total=1)
Order.objects.create(pk=2, status="paid", total=2)
def write(*rows, **options):
    Order.objects.bulk_create(
        [Order(pk=pk, status=status, total=n) for pk, status, n in rows], **options)
upsert = {"update_conflicts": True, "unique_fields": ["id"]}
write((1, "paid", 9), (2, "draft", 2), (3, "paid", 3), **upsert,
    update_fields=["status", "total"])
write((1, "sent", 7), (4, "draft", 4), **upsert, update_fields=["status"])
write((1, "lost", 0), (5, "paid", 5), ignore_conflicts=True)
orders = list(Order.objects.filter(pk__in=[3, 5]).order_by("pk"))
for order in orders: order.total += 1
Order.objects.bulk_update(orders, ["total"])
Order.objects.update_or_create(pk=4, defaults={"status": "paid"})
""")

    assert [
        ("created", "1", "paid", 1),
        ("created", "2", "paid", 2),
        ("deleted", "2", "paid", 2),
        ("updated", "1", "paid", 9),
        ("created", "3", "paid", 3),
        ("updated", "1", "sent", 9),
        ("created", "5", "paid", 5),
        ("updated", "3", "paid", 4),
        ("updated", "5", "paid", 6),
        ("created", "4", "paid", 4),
    ] == [
        (kind, key, row["status"], row["total"])
        for kind, key, row in database.run(TOLD)
    ]
