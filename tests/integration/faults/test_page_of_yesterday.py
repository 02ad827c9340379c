"""A page that was loaded yesterday, and a server that says more than it knows."""

from __future__ import annotations

from collections.abc import Callable
from xml.dom.minidom import Document, Element

import pytest
from playwright.sync_api import expect

from ..waiting import until_equal
from ..wire import Wire
from .room_messages import Event, change_events, has_batch, parse
from .trial import Trial


def test_what_a_newer_server_adds_is_passed_over(
    make_trial: Callable[..., Trial],
    make_wire: Callable[..., Wire],
    conclude: Callable[..., None],
) -> None:
    wire = make_wire()
    wire.edit = lambda text: [add_members(parse(text)) if has_batch(text) else text]
    trial = make_trial(wire=wire)
    page = trial.watched
    trial.post(3)
    page.wait_for_position(3)

    wire.cut()
    page.wait_for_state("offline")
    trial.post(3)
    wire.mend()

    page.wait_for_position(6, 60)
    expect(page.tab.locator(".notice-warn")).to_have_count(0)
    conclude(trial)


@pytest.mark.parametrize("kind", ["aviso.record.created.v2", "aviso.record.signed.v1"])
def test_a_type_that_the_page_does_not_know_is_said_and_keeps_its_place(
    make_trial: Callable[..., Trial], make_wire: Callable[..., Wire], kind: str
) -> None:
    wire = make_wire()
    newer = {2, 4}

    def renew(event: Event) -> Event:
        return event | {"type": kind} if int(event["feedseq"]) in newer else event

    def edit(text: str) -> list[str]:
        return [change_events(parse(text), renew) if has_batch(text) else text]

    wire.edit = edit
    trial = make_trial(wire=wire)
    page = trial.watched

    trial.post(5)
    page.wait_for_position(5)

    page.tab.get_by_text("This page is older than the server.").wait_for()
    page.wait_for_state("live")
    until_equal(
        [5, 3, 1], lambda: [row.sequence for row in page.rows()], "the page's rows"
    )


def add_members(message: Element) -> str:
    """Members, an element and an attribute that are in no contract of today."""

    def add(event: Event) -> Event:
        data = event["data"] | {"signature": {"by": "tomorrow"}, "tags": [1, None]}
        return event | {"data": data, "partition": "7", "new": {"deep": [{}]}}

    for header in message.getElementsByTagName("events"):
        header.setAttribute("signed", "true")
        message.appendChild(Document().createElement("hint"))
    return change_events(message, add)
