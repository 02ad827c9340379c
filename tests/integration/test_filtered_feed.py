"""A feed with a filter: what matches is listed, and live from there on."""

from __future__ import annotations

import uuid

from playwright.sync_api import Browser

from .api import Api, new_slug
from .database import Database
from .running import Stack
from .waiting import until_equal

_FOLLOW = """async feeds => {
    const { AvisoClient } = await import("/feed-client/aviso-feed.js");
    window.client = new AvisoClient();
    window.shown = feeds.map(() => ({}));
    window.told = feeds.map(() => []);
    window.subscriptions = feeds.map((feed, index) => {
        const filter = { status: "paid" };
        const subscription = client.subscribe(feed, { filter, history: 1000 });
        subscription.on("change", ({ type, subject, record }) => {
            told[index].push(type);
            if (type === "deleted" || type === "left") delete shown[index][subject];
            else shown[index][subject] = Number(record.data.n);
        });
        return subscription;
    });
    await Promise.all(subscriptions.map(each => each.ready()));
}"""
_SHOWN = "() => shown.map(each => Object.values(each).sort((a, b) => a - b))"


def test_what_matches_is_listed_and_followed_of_records_and_of_a_table(
    stack: Stack, api: Api, database: Database, feed: str, browser: Browser
) -> None:
    rows, table = new_slug("orders"), f"public.orders_{uuid.uuid4().hex[:8]}"
    database.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, n int, status text)")
    database.execute(
        f"INSERT INTO {table} SELECT n, n, (ARRAY['open', 'paid'])[1 + n %% 2]"
        " FROM generate_series(0, 9) AS n"
    )
    database.execute(
        f"SELECT aviso.track('{table}', feed => %s, columns => '{{id,n,status}}',"
        " visibility => 'public')",
        [rows],
    )
    status = ["open", "paid"]
    ids = api.write_all(feed, [{"n": n, "status": status[n % 2]} for n in range(10)])
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{stack.url}/appearance.js")

    def write(n: int, status: str) -> None:
        data = {"data": {"n": n, "status": status}}
        assert api.call("PUT", f"feeds/{feed}/records/{ids[n]}/", data).status == 200
        change = f"UPDATE {table} SET status = %s WHERE id = %s"
        database.execute(change, [status, n])

    def shows(*expected: int) -> None:
        until_equal([[*expected]] * 2, lambda: tab.evaluate(_SHOWN), "what matches")

    tab.evaluate(_FOLLOW, [feed, rows])
    shows(1, 3, 5, 7, 9)
    write(1, "open")
    write(2, "paid")
    write(4, "lost")
    shows(2, 3, 5, 7, 9)

    tab.evaluate("() => client.close()")
    write(3, "open")
    write(4, "paid")
    tab.evaluate("() => client.connect()")

    shows(2, 4, 5, 7, 9)
    told = ["listed"] * 5 + ["left", "updated", "left", "updated"]
    assert tab.evaluate("() => told") == [told] * 2
    assert tab.evaluate("() => subscriptions.map(each => each.isCut)") == [False] * 2
    context.close()
