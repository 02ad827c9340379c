"""What can't be tracked is said by Django's check, and what is otherwise by now too."""

from __future__ import annotations

from tests.project.driver import Project
from tests.project.test_tracking import ORDER
from tests.relay.drivers import Database

WRONG = """
class Base(models.Model):
    name = models.TextField()

@aviso.feed("abstract", fields=["id"])
class Abstract(models.Model):
    class Meta:
        abstract = True

@aviso.feed("proxy", fields=["id"])
class Proxy(Base):
    class Meta:
        proxy = True

@aviso.feed("unmanaged", fields=["id"])
class Unmanaged(models.Model):
    class Meta:
        managed = False

@aviso.feed("unknown", fields=["id", "nothing"])
class Unknown(models.Model):
    pass

@aviso.feed("parent", fields=["base_ptr", "name"])
class Child(Base):
    pass

@aviso.feed("many", fields=["id", "bases"])
class Many(models.Model):
    bases = models.ManyToManyField(Base)

@aviso.feed("keyless", fields=["text"])
class Keyless(models.Model):
    text = models.TextField()

@aviso.feed("Wrong Slug", fields=["id"])
class Slug(models.Model):
    pass

@aviso.feed("joined", fields=["id"], where=Q(base__name="x"))
class Joined(models.Model):
    base = models.ForeignKey(Base, on_delete=models.CASCADE)

@aviso.feed("twice", fields=["id"])
class Once(models.Model):
    pass

@aviso.feed("twice", fields=["id"])
class Again(models.Model):
    pass
"""


def test_what_can_not_be_tracked_is_named_with_its_reason(project: Project) -> None:
    project.write_models(WRONG)

    said = project.manage("check", fails=True)

    for model, number, reason in [
        ("Abstract", "E010", "it is abstract"),
        ("Proxy", "E011", "name the feed on shop.Base"),
        ("Unmanaged", "E012", "manage.py track"),
        ("Unknown", "E013", "no field 'nothing'"),
        ("Child", "E014", "'name' stands in the table of shop.Base"),
        ("Many", "E015", "'bases' is no column"),
        ("Keyless", "E016", "lacks the key: id"),
        ("Slug", "E017", "expected a slug"),
        ("Joined", "E018", "no condition over the row"),
        ("Once", "E019", "another model's too"),
        ("Again", "E019", "another model's too"),
    ]:
        line = next(line for line in said.splitlines() if f"shop.{model} can't" in line)
        assert f"aviso.{number}" in line
        assert reason in line


def test_another_engine_is_refused_by_the_check_and_by_migrate(
    project: Project,
) -> None:
    project.manage("makemigrations", "shop")
    settings = project.folder / "site_of_shop/settings.py"
    with settings.open("a") as text:
        text.write(
            'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3",'
            ' "NAME": ":memory:"}}\n'
        )

    assert "aviso.E001" in project.manage("check", fails=True)
    said = project.manage("migrate", "--skip-checks", fails=True)
    assert "Aviso's tables need PostgreSQL" in said
    assert "Traceback" not in said


def test_a_table_that_is_tracked_otherwise_is_told(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()

    database.run("SELECT aviso.untrack('shop_order')")
    assert "is not tracked" in project.manage("check", "--database", "default")

    database.run("SELECT aviso.track('shop_order', 'orders', '{id,status}')")
    database.run("ALTER TABLE shop_order ENABLE ROW LEVEL SECURITY")
    said = project.manage("check", "--database", "default")
    assert "(aviso.W021) shop.Order (orders): row-level security of" in said
    assert "tracked with ['id', 'status'], not ['id', 'status', 'total']" in said
    assert "with another condition" in said


def test_a_trigger_that_is_disabled_is_told(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()
    assert "no issues" in project.manage("check", "--database", "default")

    database.run("ALTER TABLE shop_order DISABLE TRIGGER USER")

    said = project.manage("check", "--database", "default")
    assert "triggers of public.shop_order are switched off" in said
    database.run("ALTER TABLE shop_order ENABLE TRIGGER USER")
    database.run("SELECT aviso.reconcile()")
    assert "no issues" in project.manage("check", "--database", "default")


def test_a_column_that_is_gone_is_told_before_and_after_the_relay_saw_it(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()
    sentence = "columns of public.shop_order are gone, and told no more: total"

    database.run("ALTER TABLE shop_order DROP COLUMN total")

    assert sentence in project.manage("check", "--database", "default")
    database.run("SELECT aviso.reconcile()")
    said = project.manage("check", "--database", "default")
    assert sentence in said
    assert "tracked with ['id', 'status'], not ['id', 'status', 'total']" in said


def test_a_table_that_was_replaced_is_told(
    project: Project, database: Database
) -> None:
    project.write_models(ORDER)
    project.make_and_migrate()

    database.run(
        "CREATE TABLE other (LIKE shop_order INCLUDING ALL);"
        "DROP TABLE shop_order; ALTER TABLE other RENAME TO shop_order"
    )

    said = project.manage("check", "--database", "default")
    assert "(aviso.W020) shop.Order (orders): its table is not tracked" in said
    database.run("SELECT aviso.reconcile()")
    assert "its table is not tracked" in project.manage(
        "check", "--database", "default"
    )
