"""The client's `list`, `get`, `create` and the others: whose rights they have."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from .api import Api
from .running import REPOSITORY, Stack
from .test_examples import PACKAGE, npm
from .test_tabs import make_account
from .test_tickets_page import make_ticket
from .waiting import until_equal

_CALL = """async ([options, method, args]) => {
    const { AvisoClient, stringifyExactJson } = await import(
        '/feed-client/aviso-feed.js'
    );
    const client = new AvisoClient('', options);
    try {
        return { value: stringifyExactJson(await client[method](...args) ?? null) };
    } catch ({ name, code, status, detail, current, wanted }) {
        return { error: { name, code, status, detail, current, wanted } };
    } finally {
        client.close();
    }
}"""
_GO_ON = """async ([feed, page]) => {
    const { AvisoClient } = await import('/feed-client/aviso-feed.js');
    window.told = [];
    const { position } = page;
    window.client = new AvisoClient();
    const subscription = client.subscribe(feed, { position });
    subscription.on('change', ({ type, record }) => told.push([type, record?.data]));
    await subscription.ready();
}"""


@pytest.fixture
def tab(stack: Stack, browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{stack.url}/appearance.js")
    yield tab
    context.close()


@pytest.fixture
def private_feed(api: Api, private_feed: str) -> str:
    """With a record in it."""
    api.write(private_feed, {"n": 1})
    return private_feed


def call(tab: Page, method: str, *args: object, **options: object) -> dict[str, Any]:
    """Call a method of a new client; a guest's unless `options` say more."""
    answer: dict[str, Any] = tab.evaluate(_CALL, [options, method, args])
    return answer


def listed(tab: Page, feed: str, **options: object) -> list[object]:
    answer = call(tab, "list", feed, **options)
    assert "error" not in answer, answer
    return [record["data"]["n"] for record in json.loads(answer["value"])["records"]]


def test_records_are_read_with_the_session_s_rights(
    stack: Stack, api: Api, feed: str, private_feed: str, tab: Page
) -> None:
    api.write_all(feed, [{"n": n} for n in range(3)])
    account = make_account(stack, api, private_feed)
    ticket = make_ticket(api, private_feed)

    assert listed(tab, feed) == [2, 1, 0]
    assert listed(tab, private_feed, credentials=account) == [1]
    assert listed(tab, private_feed, ticket=ticket) == [1]
    refused = call(tab, "list", private_feed)["error"]
    assert (refused["code"], refused["status"]) == ("not-found", 404)


def test_a_write_without_the_right_to_is_refused_in_the_server_s_words(
    api: Api, feed: str, private_feed: str, tab: Page
) -> None:
    ticket = make_ticket(api, private_feed)

    guest = call(tab, "create", feed, {"n": 1})["error"]
    reader = call(tab, "create", private_feed, {"n": 2}, ticket=ticket)["error"]

    assert (guest["code"], guest["status"]) == ("not-signed-in", 401)
    assert (reader["code"], reader["status"]) == ("not-allowed", 403)
    assert guest["detail"]
    assert reader["detail"]
    assert api.head(feed) == 0


def test_a_key_writes_every_digit_and_a_conflict_tells_both_sides(
    stack: Stack, feed: str, tab: Page
) -> None:
    key = {"token": api_key(stack)}
    big = "1234567890123456789"
    made = tab.evaluate(
        """async ([feed, key, big]) => {
            const { AvisoClient, ExactNumber } = await import(
                '/feed-client/aviso-feed.js'
            );
            const client = new AvisoClient();
            const data = { n: 1, big: new ExactNumber(big), item: 'tea' };
            const made = await client.create(feed, data, key);
            const [id] = await client.createAll(feed, [{ data: { n: 5 } }], key);
            await client.remove(feed, id, { ...key, version: 1 });
            const changes = { n: 2, item: null };
            const changed = await client.update(
                feed, made.id, changes, { ...key, version: made.version },
            );
            const { data: now } = await client.get(feed, made.id);
            return [made.id, changed.version, now.n, now.item, String(now.big)];
        }""",
        [feed, key, big],
    )
    record_id = made[0]
    assert made[1:] == [2, 2, None, big]

    stale = call(tab, "replace", feed, record_id, {"n": 9}, key | {"version": 1})
    gone = call(tab, "get", feed, "00000000-0000-4000-8000-000000000000")

    error = stale["error"]
    assert (error["name"], error["code"], error["status"]) == (
        "ConflictError",
        "conflict",
        412,
    )
    assert (error["current"]["version"], error["current"]["data"]["n"]) == (2, 2)
    assert error["wanted"] == {"n": 9}
    assert gone["error"]["code"] == "not-found"


def test_a_subscription_goes_on_from_a_page(api: Api, feed: str, tab: Page) -> None:
    api.write_all(feed, [{"n": n} for n in range(3)])
    page = tab.evaluate(
        """async feed => {
            const { AvisoClient } = await import('/feed-client/aviso-feed.js');
            return new AvisoClient().list(feed, { limit: 2 });
        }""",
        feed,
    )
    assert [record["data"]["n"] for record in page["records"]] == [2, 1]
    assert page["next"] is not None
    api.write(feed, {"n": 3})

    tab.evaluate(_GO_ON, [feed, page])
    api.write(feed, {"n": 4})

    since = [["created", {"n": 3}], ["created", {"n": 4}]]
    until_equal(since, lambda: tab.evaluate("told"), "what happened since")


def test_what_the_readme_says_of_records_runs_on_a_server(
    stack: Stack, api: Api, feed: str, tab: Page, tmp_path: Path
) -> None:
    api.write(feed, {"item": "from before"})
    said = "\n".join([*said_of("Records"), "console.log(JSON.stringify(page));"])
    script = said.replace("https://aviso.example", stack.url)
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    npm(tmp_path, "install", str(PACKAGE))

    page = run(tmp_path, script.replace('"orders"', f'"{feed}"'), api_key(stack))

    assert [record["data"] for record in page["records"]] == [{"item": "from before"}]
    tab.evaluate(_GO_ON, [feed, page])
    written = {"item": "tea", "count": 1}
    since = [["created", written], ["updated", written | {"count": 2}]]
    until_equal(since, lambda: tab.evaluate("told"), "what happened since")


def said_of(heading: str) -> list[str]:
    """The TypeScript that stands under this heading of the package's README."""
    readme = REPOSITORY / "services/web-client/packages/aviso-feed/README.md"
    _, _, rest = readme.read_text().partition(f"\n## {heading}\n")
    texts: list[str] = re.findall(r"```ts\n(.*?)```", rest.split("\n## ")[0], re.DOTALL)
    return texts


def run(folder: Path, script: str, key: str) -> Any:
    """Have Node.js run it, as a site's server would; return what it printed."""
    (folder / "records.ts").write_text(script)
    outcome = subprocess.run(
        ["node", "records.ts"],
        cwd=folder,
        env={**os.environ, "AVISO_KEY": key},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return json.loads(outcome.stdout)


def api_key(stack: Stack) -> str:
    return str(stack.facts["api_key"])
