"""The room sends what no reader takes: it is said, left out, and fetched as it is."""

from __future__ import annotations

import base64
from xml.dom.minidom import Document, Element

from ..batches import deflate
from ..running import REPOSITORY
from .experiment import Experiment
from .room_messages import (
    Batch,
    Change,
    NextBatch,
    change_batch,
    parse,
    set_text,
    text_of,
)

_INVALID = REPOSITORY / "contracts/examples/stanzas/invalid"


def test_malformed_stanzas_in_the_place_of_good_ones(experiment: Experiment) -> None:
    wire = experiment.make_wire()
    wire.edit = batch = NextBatch()
    trial = experiment.make_trial(wire=wire)
    page = trial.watched
    trial.post()
    page.wait_for_position(1)

    for number, breaking in enumerate(malformations(), 2):
        batch.replace(breaking)
        trial.post()
        batch.wait_until_done()
        page.tab.get_by_text("Something unreadable was sent").wait_for()
        with experiment.recovery():
            page.wait_for_position(number)
        page.wait_for_state("live")
        page.tab.locator(".notice-warn button").click()

    experiment.conclude(trial)


def malformations() -> list[Change]:
    """Ways to break a batch; first those of the contracts."""
    examples = [file.read_text() for file in sorted(_INVALID.glob("*.xml"))]
    assert examples
    return [
        *(lambda good, text=text: as_example(good, text) for text in examples),
        lambda good: with_payload(good, text_of(payload(good))[:-20]),
        lambda good: with_payload(good, ""),
        lambda good: with_payload(good, "{}"),
        lambda good: with_payload(good, "[]"),
        lambda good: with_payload(good, "[" * 10_000 + "]" * 10_000),
        lambda good: with_header(good, "first", "0"),
        lambda good: with_header(good, "last", "99999999999999999999"),
        lambda good: with_header(good, "feed", "another"),
        lambda good: with_header(good, "epoch", ""),
        lambda good: change_batch(good, lambda batch: batch | {"feedseq": "7000"}),
        lambda good: change_batch(good, lambda batch: batch | {"events": []}),
        lambda good: change_event(good, data=None),
        lambda good: change_event(good, id="none"),
        lambda good: change_event(good, feedseq="7000"),
        deflated_badly,
        both_ways,
        without_payload,
    ]


def as_example(good: Element, example: str) -> str:
    """The contracts' example, as if it were of this room and its pusher."""
    bad = parse(example)
    for name in ("from", "to"):
        bad.setAttribute(name, good.getAttribute(name))
    feed = header(good).getAttribute("feed")
    header(bad).setAttribute("feed", feed)
    return bad.toxml().replace("orders", feed)


def with_payload(good: Element, text: str) -> str:
    set_text(payload(good), text)
    return good.toxml()


def with_header(good: Element, name: str, value: str) -> str:
    header(good).setAttribute(name, value)
    return good.toxml()


def without_payload(good: Element) -> str:
    good.removeChild(payload(good))
    return good.toxml()


def change_event(good: Element, **members: object) -> str:
    def change(batch: Batch) -> Batch:
        return batch | {"events": [event | members for event in batch["events"]]}

    return change_batch(good, change)


def deflated_badly(good: Element) -> str:
    """In base64, and not deflated."""
    plain = text_of(payload(good)).encode()
    good.appendChild(deflated(good, base64.b64encode(plain).decode()))
    return without_payload(good)


def both_ways(good: Element) -> str:
    """A message has one of the two: of both nobody could say which one counts."""
    good.appendChild(deflated(good, deflate(text_of(payload(good)).encode())))
    return good.toxml()


def deflated(message: Element, text: str) -> Element:
    namespace = header(message).getAttribute("xmlns")
    element = Document().createElement("deflated")
    element.setAttribute("xmlns", namespace)
    set_text(element, text)
    return element


def payload(message: Element) -> Element:
    return message.getElementsByTagName("json")[0]


def header(message: Element) -> Element:
    return message.getElementsByTagName("events")[0]
