"""What a room says to a page, changed on the way: an `Edit` for the wire."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any
from xml.dom.minidom import Document, Element, Text, parseString

from ..batches import deflate, inflate
from ..waiting import until

Change = Callable[[Element], str]
Batch = dict[str, Any]

FEED = "urn:aviso:feed:2"
_EVENTS = re.compile(rf"<events [^>]*{FEED}")


class NextBatch:
    """Puts something else in the place of the next live batch, once it is told to."""

    def __init__(self) -> None:
        self._change: Callable[[str], list[str]] | None = None
        self._lock = threading.Lock()

    def eat(self) -> None:
        self._begin(lambda _: [])

    def replace(self, change: Change) -> None:
        self._begin(lambda text: [change(parse(text))])

    def wait_until_done(self) -> None:
        until(lambda: self._change is None, "a live batch to come")

    def __call__(self, text: str) -> list[str]:
        with self._lock:
            if self._change is None or not is_live_batch(text):
                return [text]
            sent = self._change(text)
            self._change = None
            return sent

    def _begin(self, change: Callable[[str], list[str]]) -> None:
        with self._lock:
            assert self._change is None
            self._change = change


def is_live_batch(text: str) -> bool:
    """A batch that the room sends to its occupants, not one out of its archive."""
    return has_batch(text) and "urn:xmpp:mam:2" not in text


def has_batch(text: str) -> bool:
    return text.startswith("<message") and _EVENTS.search(text) is not None


def parse(text: str) -> Element:
    element = parseString(text).documentElement  # noqa: S318 # our own server's
    assert element is not None
    return element


def change_batch(message: Element, change: Callable[[Batch], Batch]) -> str:
    """Return the message, live or out of the archive, with its batch changed."""
    for payload in message.getElementsByTagName("json"):
        set_text(payload, json.dumps(change(json.loads(text_of(payload)))))
    for payload in message.getElementsByTagName("deflated"):
        batch = change(json.loads(inflate(text_of(payload))))
        set_text(payload, deflate(json.dumps(batch).encode()))
    return message.toxml()


def text_of(element: Element) -> str:
    return "".join(each.data for each in element.childNodes if isinstance(each, Text))


def set_text(element: Element, text: str) -> None:
    while element.firstChild:
        element.removeChild(element.firstChild)
    element.appendChild(Document().createTextNode(text))
