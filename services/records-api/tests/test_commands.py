"""create_feed, create_key, revoke_key, list_keys."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from aviso.access.keys import find_key
from aviso.access.models import ApiKey
from aviso.feeds.models import Feed
from tests.api import Api

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_create_key_prints_the_key_alone() -> None:
    text = run("create_key", "demo", "--all-feeds", "--read", "--write")

    key = find_key(text.removesuffix("\n"))
    assert key is not None
    assert ("demo", True, True, True, False) == (
        key.name,
        key.all_feeds,
        key.may_read,
        key.may_write,
        key.may_manage,
    )


def test_create_key_takes_the_feeds_that_the_key_is_for(orders: Feed) -> None:
    text = run("create_key", "demo", "--feeds", "orders,later", "--write")

    assert ["later", "orders"] == ApiKey.objects.get().feeds
    reply = Api(text.strip()).post("feeds/orders/records/", {"data": {}})
    assert 201 == reply.status


RIGHTS = ["--all-feeds", "--read", "--write", "--manage", "--grant"]


def keep(kept: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Create a key unless `kept` will do; return the key and what is said of it."""
    monkeypatch.setattr("sys.stdin", StringIO(f"{kept}\n"))
    out, err = StringIO(), StringIO()
    call_command("create_key", "local", *RIGHTS, "--kept", stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue()


def test_a_kept_key_that_will_do_is_printed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = run("create_key", "local", *RIGHTS).strip()

    assert (kept, "") == keep(kept, monkeypatch)
    assert 1 == ApiKey.objects.count()


@pytest.mark.parametrize("lacking", ["--grant", "--manage", "--all-feeds", "all"])
def test_a_kept_key_that_lacks_something_gets_a_successor_and_a_word(
    monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    fewer = [right for right in RIGHTS if right != lacking]
    if lacking == "--all-feeds":
        fewer += ["--feeds", "demo"]
    kept = "aviso_gone" if lacking == "all" else run("create_key", "x", *fewer).strip()

    text, said = keep(kept, monkeypatch)

    key = find_key(text)
    assert key is not None
    assert key.all_feeds
    assert key.may_grant
    assert key.may_manage
    assert "a new one" in said
    assert text not in said
    assert (find_key(kept) is None) == (lacking == "all")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--all-feeds"],
        ["--read"],
        ["--feeds", "Orders", "--read"],
        ["--feeds", "orders", "--all-feeds", "--read"],
    ],
)
def test_create_key_refuses_a_key_that_makes_no_sense(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run("create_key", "demo", *arguments)

    assert not ApiKey.objects.exists()


def test_a_revoked_key_is_refused_from_then_on(orders: Feed) -> None:
    text = run("create_key", "demo", "--all-feeds", "--read").strip()

    run("revoke_key", ApiKey.objects.get().id)

    Api(text).get("feeds/orders/").problem(401)
    with pytest.raises(CommandError, match="no valid key"):
        run("revoke_key", ApiKey.objects.get().id)


def test_list_keys_tells_everything_but_the_keys() -> None:
    text = run("create_key", "demo", "--feeds", "orders", "--read").strip()
    key = ApiKey.objects.get()

    (line,) = run("list_keys").splitlines()

    listed = json.loads(line)
    assert (key.id, "demo", ["orders"], ["read"]) == (
        listed["id"],
        listed["name"],
        listed["feeds"],
        listed["may"],
    )
    assert text.rpartition("_")[2] not in line
    assert key.secret_sha256 not in line


def test_create_feed_makes_what_it_is_told(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"required": ["n"]}')

    run("create_feed", "orders", "--title", "Órdenes", "--private", "--schema",
        str(schema))  # fmt: skip

    feed = Feed.objects.get()
    assert ("orders", "Órdenes", "private", {"required": ["n"]}) == (
        feed.slug,
        feed.title,
        feed.visibility,
        feed.schema,
    )


def test_create_feed_again_is_an_error_unless_it_is_expected(orders: Feed) -> None:
    with pytest.raises(CommandError, match="already"):
        run("create_feed", "orders")

    run("create_feed", "orders", "--title", "Other", "--exists-ok")
    assert "" == Feed.objects.get().title


@pytest.mark.parametrize(
    ("slug", "schema"),
    [("Orders", "{}"), ("orders", "{"), ("orders", "[]"), ("orders", '{"type":"x"}')],
)
def test_create_feed_refuses_what_is_wrong(
    tmp_path: Path, slug: str, schema: str
) -> None:
    file = tmp_path / "schema.json"
    file.write_text(schema)

    with pytest.raises(CommandError):
        run("create_feed", slug, "--schema", str(file))

    assert not Feed.objects.exists()


def test_create_feed_says_which_file_is_not_there() -> None:
    with pytest.raises(CommandError, match="/nowhere"):
        run("create_feed", "orders", "--schema", "/nowhere")
