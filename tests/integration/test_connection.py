"""A page whose wire is bad: blocked, cut, mended. In the end it is complete."""

from __future__ import annotations

from collections.abc import Callable

from .api import Api
from .conftest import OpenPage
from .running import Stack
from .waiting import until_equal
from .wire import Wire


def test_without_websocket_the_page_goes_over_bosh(
    api: Api, feed: str, open_page: OpenPage, make_wire: Callable[..., Wire]
) -> None:
    wire = make_wire(passes_websocket=False)

    page = open_page(feed, wire=wire)

    assert page.transport == "long polling"
    page.wait_for_record(api.write(feed, {"over": "BOSH"})["id"])


def test_with_websocket_the_page_says_so(
    api: Api, feed: str, open_page: OpenPage, make_wire: Callable[..., Wire]
) -> None:
    page = open_page(feed, wire=make_wire())

    assert page.transport == "WebSocket"
    page.wait_for_record(api.write(feed, {"over": "WebSocket"})["id"])


def test_a_page_that_was_cut_off_shows_what_it_missed(
    api: Api, feed: str, open_page: OpenPage, make_wire: Callable[..., Wire]
) -> None:
    wire = make_wire()
    page = open_page(feed, wire=wire)
    before = api.write_all(feed, [{"n": n} for n in range(3)])
    page.wait_for_position(3)

    wire.cut()
    page.wait_for_state("offline")
    missed = api.write_all(feed, [{"n": n} for n in range(3, 300)])
    wire.mend()

    page.wait_for_position(300, 60)
    page.wait_for_state("live")
    page.wait_for_rows((before + missed)[::-1])
    page.wait_for_record(api.write(feed, {"n": 300})["id"])


def test_a_page_survives_a_restart_of_the_gateway(
    stack: Stack, api: Api, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    stack.stop_part("gateway")
    page.wait_for_state("offline")
    stack.start_part("gateway")
    missed = api.write(feed, {"while": "reconnecting"})["id"]

    page.wait_for_record(missed, 60)
    page.wait_for_state("live")


def test_what_was_changed_and_deleted_meanwhile_is_right_after_a_cut(
    api: Api, feed: str, open_page: OpenPage, make_wire: Callable[..., Wire]
) -> None:
    wire = make_wire()
    page = open_page(feed, wire=wire)
    kept, gone = api.write_all(feed, [{"n": 1}, {"n": 2}])
    page.wait_for_position(2)

    wire.cut()
    page.wait_for_state("offline")
    api.call("PATCH", f"feeds/{feed}/records/{kept}/", {"data": {"n": 10}})
    api.call("DELETE", f"feeds/{feed}/records/{gone}/")
    wire.mend()

    page.wait_for_position(4, 60)
    until_equal(
        {kept: (2, "present"), gone: (2, "deleted")},
        lambda: {row.record_id: (row.version, row.state) for row in page.rows()},
        "the rows to be what the records have become",
    )
