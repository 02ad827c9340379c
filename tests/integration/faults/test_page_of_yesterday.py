"""Yesterday's page with today's server, and today's page with yesterday's server."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.dom.minidom import Document, Element

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect

from ..page import FeedPage
from ..waiting import until, until_equal
from .experiment import Experiment
from .report import judge_lists
from .room_messages import FEED, Batch, change_batch, has_batch, parse

_CLIENT = Path(__file__).parent / "yesterday/aviso-feed.js.gz"
_FOLLOW = """async feed => {
    const { FeedClient } = await import("/feed-client/aviso-feed.js");
    const client = new FeedClient({ feed });
    window.one = { problems: [], state: "" };
    client.addEventListener("problem", ({ detail }) =>
        window.one.problems.push(detail.code));
    client.addEventListener("state", ({ detail }) => {
        window.one.state = detail.kind;
    });
    client.start();
}"""
# What a server of the first contract answers; everything else came later.
_FIRST_MEMBERS = {
    "connection": {
        "domain", "guest_domain", "rooms_domain", "websocket_url", "bosh_url",
    },
    "events": {"epoch", "head", "events"},
}  # fmt: skip


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-GB")
    yield context
    # An answer under way would otherwise fail in whichever test comes next.
    context.unroute_all(behavior="wait")
    context.close()


def test_what_a_newer_server_adds_is_passed_over(experiment: Experiment) -> None:
    wire = experiment.make_wire()
    wire.edit = lambda text: [add_members(parse(text)) if has_batch(text) else text]
    trial = experiment.make_trial(wire=wire)
    page = trial.watched
    trial.post(3)
    page.wait_for_position(3)

    wire.cut()
    page.wait_for_state("offline")
    trial.post(3)
    wire.mend()

    page.wait_for_position(6, 60)
    expect(page.tab.locator(".notice-warn")).to_have_count(0)
    experiment.conclude(trial)


@pytest.mark.parametrize("kind", ["aviso.record.created.v2", "aviso.record.signed.v1"])
def test_a_type_that_the_page_does_not_know_is_said_and_keeps_its_place(
    experiment: Experiment, kind: str
) -> None:
    wire = experiment.make_wire()
    newer = {2, 4}

    def renew(batch: Batch) -> Batch:
        for sequence, event in enumerate(batch["events"], int(batch["feedseq"])):
            if sequence in newer:
                event["type"] = kind
        return batch

    def edit(text: str) -> list[str]:
        return [change_batch(parse(text), renew) if has_batch(text) else text]

    wire.edit = edit
    trial = experiment.make_trial(wire=wire)
    page = trial.watched

    trial.post(5)
    page.wait_for_position(5)

    page.tab.get_by_text("This page is older than the server.").wait_for()
    page.wait_for_state("live")
    until_equal(
        [5, 3, 1], lambda: [row.sequence for row in page.rows()], "the page's rows"
    )


def test_a_message_of_a_later_version_is_said_and_its_records_come_all_the_same(
    experiment: Experiment,
) -> None:
    wire = experiment.make_wire()
    later = FEED.replace(":2", ":3")
    wire.edit = lambda text: [text.replace(FEED, later) if has_batch(text) else text]
    trial = experiment.make_trial(wire=wire)
    page = trial.watched

    trial.post(5)

    page.tab.get_by_text("This page is older than the server.").wait_for()
    experiment.conclude(trial)


def test_yesterdays_client_is_told_that_it_is_too_old(
    experiment: Experiment, context: BrowserContext
) -> None:
    stack, api, feed = experiment.stack, experiment.api, experiment.feed
    tab = context.new_page()
    client = gzip.decompress(_CLIENT.read_bytes())
    tab.route(
        "**/feed-client/aviso-feed.js",
        lambda route: route.fulfill(body=client, content_type="text/javascript"),
    )
    # Any document but the page: that one requires Trusted Types by now.
    tab.goto(f"{stack.url}/api/v1/connection/")
    tab.evaluate(_FOLLOW, feed)
    until(lambda: tab.evaluate("() => window.one.state") == "live", "it to be live")

    api.write(feed, {"n": 1})

    until_equal(
        ["page-too-old"],
        lambda: tab.evaluate("() => [...new Set(window.one.problems)]"),
        "it to say so",
    )


def test_todays_page_follows_a_server_that_lacks_all_that_is_new(
    experiment: Experiment, context: BrowserContext
) -> None:
    api, feed = experiment.api, experiment.feed
    seen: set[str] = set()

    def cut_down(route: Route) -> None:
        """Answer with the members of the first contract, and nothing else."""
        response = route.fetch()
        answer: dict[str, Any] = response.json()
        kind = "connection" if "/connection/" in route.request.url else "events"
        members = _FIRST_MEMBERS[kind]
        seen.add(kind)
        kept = {name: value for name, value in answer.items() if name in members}
        route.fulfill(response=response, json=kept)

    context.route("**/api/v1/connection/", cut_down)
    # The page follows other tests' feeds too, whose records Python may not parse.
    context.route(f"**/api/v1/feeds/{feed}/events/*", cut_down)
    ids = [api.write(feed, {"n": n})["id"] for n in range(3)]
    page = FeedPage(context.new_page(), experiment.stack.url, feed).open()
    page.wait_for_rows(ids[::-1])

    ids.append(api.write(feed, {"n": 4})["id"])

    page.wait_for_rows(ids[::-1])
    shown = [row.record_id for row in reversed(page.rows())]
    experiment.outcome.report = judge_lists(ids, ids, archived=None, shown=shown)
    assert experiment.outcome.report.is_clean, str(experiment.outcome.report)
    expect(page.tab.locator(".notice-warn")).to_have_count(0)
    assert page.faults == []
    assert "connection" in seen


def add_members(message: Element) -> str:
    """Members, an element and an attribute that are in no contract of today."""

    def add(batch: Batch) -> Batch:
        for event in batch["events"]:
            event["data"] |= {"signature": {"by": "tomorrow"}, "tags": [1, None]}
            event |= {"partition": "7", "new": {"deep": [{}]}}
        return batch | {"signed": {"by": "tomorrow"}}

    for header in message.getElementsByTagName("events"):
        header.setAttribute("signed", "true")
        message.appendChild(Document().createElement("hint"))
    return change_batch(message, add)
