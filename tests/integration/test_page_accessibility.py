"""Each view of the page by axe, in both schemes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .api import Api, new_slug
from .conftest import OpenPage
from .page import FeedPage
from .running import REPOSITORY

AXE = REPOSITORY / "services/web-client/node_modules/axe-core/axe.min.js"
_RUN = """async (rules) => {
    // The colours of another scheme are there in the frame after the next.
    for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
    const {violations} = await axe.run(rules ? {runOnly: rules} : {});
    const told = ({target, any}) => {
        const {fgColor, bgColor} = any[0]?.data ?? {};
        return target.join(' ') + (fgColor ? ` (${fgColor} on ${bgColor})` : '');
    };
    return violations.map(({id, nodes}) =>
        `${id}: ${nodes.slice(0, 3).map(told).join(' | ')}`);
}"""
# What another scheme can change.
_COLOURS = ["color-contrast"]


def test_axe_finds_nothing_on_any_view_in_either_scheme(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    empty = new_slug("empty")
    api.create_feed(empty)
    data: dict[str, Any] = {"n": 1.5, "text": "x" * 300, "yes": True, "none": None}
    data |= {"list": ["a", "b"], "in": {"deep": [{"a": 1}]}, "at": "2026-11-29"}
    record = api.write(feed, data)
    api.call("PATCH", f"feeds/{feed}/records/{record['id']}/", {"data": {"n": 2}})
    page = open_page(feed)
    page.tab.add_init_script(path=AXE)
    page.reload()
    tab = page.tab

    def at(rest: str, shown: str) -> Callable[[], None]:
        def go() -> None:
            page.go_to(rest)
            tab.locator(shown).first.wait_for()

        return go

    def pressed(key: str) -> Callable[[], None]:
        return lambda: tab.keyboard.press(key)

    def clicked(selector: str) -> Callable[[], None]:
        return lambda: tab.click(selector)

    found = faults(page, "cards", [])
    for view, *ways in [
        ("pinned", clicked(f'[data-pin="{feed}"]')),
        ("alerts", clicked("alert-menu summary")),
        ("pulse", clicked(".pulse summary"), at("", ".pulse-words")),
        ("JSON", clicked(".row-json")),
        ("form", clicked('[data-action="write"]')),
        (
            "search",
            clicked("write-panel .panel-head button"),
            at("?q=2&data.yes=true", ".found-summary"),
            clicked('[data-action="filter"]'),
        ),
        ("past", at("?at=1", "[data-past]")),
        ("table", at("?view=table&sort=n", "[role=grid] [data-record-id]")),
        ("columns", clicked("column-picker summary")),
        (
            "record",
            at(f"/records/{record['id']}", ".step"),
            clicked(".record-json summary"),
        ),
        ("editor", clicked('[data-action="edit"]')),
        ("no record", at("/records/none", "[data-record-state=missing]")),
        ("keys", pressed("?")),
    ]:
        found += faults(page, str(view), ways)
    page.feed = empty
    found += faults(page, "empty", [pressed("Escape"), at("", ".samples")])
    tab.set_viewport_size({"width": 390, "height": 800})
    found += faults(page, "menu", [clicked(".menu-button")])

    assert "\n".join(found) == ""


def faults(page: FeedPage, view: str, ways: list[Callable[[], None]]) -> list[str]:
    for go in ways:
        go()
    found = []
    for scheme, rules in (("light", None), ("dark", _COLOURS)):
        page.tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [
            f"{view}, {scheme}: {each}" for each in page.tab.evaluate(_RUN, rules)
        ]
    return found
