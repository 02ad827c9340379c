"""Each view of the page by axe, in both schemes, at a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .api import Api, new_slug
from .conftest import OpenPage
from .page import FeedPage
from .running import REPOSITORY, Stack
from .test_offline import KEPT
from .views import Scene, visit
from .waiting import until
from .wire import Wire

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


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_on_any_view_in_either_scheme(
    width: int, stack: Stack, api: Api, feed: str, open_page: OpenPage
) -> None:
    empty = new_slug("empty")
    api.create_feed(empty)
    data: dict[str, Any] = {"n": 1.5, "text": "x" * 300, "yes": True, "none": None}
    data |= {"list": ["a", "b"], "in": {"deep": [{"a": 1}]}, "at": "2026-11-29"}
    record = api.write(feed, data)["id"]
    api.call("PATCH", f"feeds/{feed}/records/{record}/", {"data": {"n": 2}})
    page = open_page(feed, viewport={"width": width, "height": 800})
    page.tab.add_init_script(path=AXE)
    page.reload()
    search = "?q=2&data.yes=true"
    scene = Scene(api, stack.facts["api_key"], feed, record, empty, search, "text")

    found = []
    for view in visit(page, scene):
        found += faults(page, view)
        if page.tab.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{view}: wider than the screen")

    assert "\n".join(found) == ""


def test_axe_finds_nothing_where_there_is_no_network(
    api: Api, feed: str, open_page: OpenPage, make_wire: Callable[..., Wire]
) -> None:
    wire = make_wire()
    api.write_all(feed, [{"n": n} for n in range(3)])
    page = open_page(feed, wire=wire)
    page.tab.add_init_script(path=AXE)
    page.reload()
    page.wait_for_position(3)
    page.tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(lambda: page.tab.evaluate(KEPT) == 3, "the events to be kept")

    wire.cut()
    page.wait_for_state("offline")
    found = faults(page, "offline")
    page.tab.reload()
    page.tab.locator("[data-kept-at]").wait_for()
    page.wait_for_state("offline")
    found += faults(page, "kept")

    assert "\n".join(found) == ""


def faults(page: FeedPage, view: str) -> list[str]:
    found = []
    for scheme, rules in (("light", None), ("dark", _COLOURS)):
        page.tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [
            f"{view}, {scheme}: {each}" for each in page.tab.evaluate(_RUN, rules)
        ]
    return found
