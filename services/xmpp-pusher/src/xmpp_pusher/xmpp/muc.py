"""The elements of MUC (XEP-0045), archive (XEP-0313) and forms, read and written.

Pure: XML in, values out, and text for the stream. It knows nothing of a connection.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from ..contract import CHANGES, MAX_ENVELOPE_BYTES, MAX_EVENT_BYTES, NAMESPACE
from ..payload import inflate
from ..position import Position

CLIENT: Final = "jabber:client"
MUC: Final = "http://jabber.org/protocol/muc"
MUC_USER: Final = f"{MUC}#user"
MUC_OWNER: Final = f"{MUC}#owner"
MUC_ADMIN: Final = f"{MUC}#admin"
DATA: Final = "jabber:x:data"
MAM: Final = "urn:xmpp:mam:2"
RSM: Final = "http://jabber.org/protocol/rsm"
FORWARD: Final = "urn:xmpp:forward:0"
STANZA_ID: Final = "urn:xmpp:sid:0"
FEED: Final = NAMESPACE
JSON: Final = "urn:xmpp:json:0"
STANZAS: Final = "urn:ietf:params:xml:ns:xmpp-stanzas"

STATUS_SELF: Final = 110
STATUS_CREATED: Final = 201
STATUS_ROOM_ENDS: Final = 332


@dataclass(frozen=True)
class Presence:
    """What a room says of one occupant. ``jid``: only moderators are told."""

    nick: str
    is_here: bool
    affiliation: str
    jid: str
    statuses: frozenset[int]


@dataclass(frozen=True)
class StanzaError:
    type: str
    condition: str
    text: str

    def __str__(self) -> str:
        return f"{self.condition} ({self.type}): {self.text}"


@dataclass(frozen=True)
class ArchivePage:
    """``spans`` newest last: epoch, first, last of each batch on the page.

    ``batches`` are their messages.
    """

    spans: tuple[tuple[str, int, int], ...]
    batches: tuple[Element, ...]
    oldest_id: str | None
    is_complete: bool


@dataclass(frozen=True)
class Head:
    """Where an archive ends: in microseconds since 1970, its newest batch's id.

    ``position`` is None if it has no batch.
    """

    position: Position | None
    archive_id: int


@dataclass(frozen=True)
class Field:
    """One field of a form; ``options``: what the server lets one choose."""

    values: tuple[str, ...]
    options: tuple[str, ...] = ()


def bare(jid: str) -> str:
    return jid.partition("/")[0]


def resource(jid: str) -> str:
    return jid.partition("/")[2]


def read_presence(element: Element) -> Presence:
    item = element.find(f"{{{MUC_USER}}}x/{{{MUC_USER}}}item")
    statuses = element.iterfind(f"{{{MUC_USER}}}x/{{{MUC_USER}}}status")
    return Presence(
        nick=resource(element.get("from", "")),
        is_here=element.get("type") is None,
        affiliation="" if item is None else item.get("affiliation", ""),
        jid="" if item is None else item.get("jid", ""),
        statuses=frozenset(int(status.get("code", "0")) for status in statuses),
    )


def read_error(element: Element) -> StanzaError:
    error = element.find(f"{{{CLIENT}}}error")
    if error is None:
        return StanzaError("cancel", "undefined-condition", "")
    condition = text = ""
    for child in error:
        namespace, _, name = child.tag.removeprefix("{").partition("}")
        if namespace == STANZAS and name == "text":
            text = (child.text or "")[:200]
        elif namespace == STANZAS:
            condition = name
    return StanzaError(error.get("type", ""), condition, text)


def read_archive_id(message: Element, room: str) -> int | None:
    """Read under which id the archive has this message (XEP-0359).

    None without the mark that only an archive which took it gives: a stanza-id alone
    is written even when the database has refused.
    """
    if message.find(f"{{{FEED}}}archived") is None:
        return None
    for stanza_id in message.iterfind(f"{{{STANZA_ID}}}stanza-id"):
        text = stanza_id.get("id", "")
        if stanza_id.get("by") == room and text.isdecimal():
            return int(text)
    return None


def read_head(parent: Element) -> Head | None:
    """Read the head that an answer or an error names; None if it names none."""
    head = parent.find(f"{{{FEED}}}head")
    if head is None:
        return None
    epoch, last, archive_id = (head.get(name, "") for name in ("epoch", "last", "id"))
    if not (last.isdecimal() and archive_id.isdecimal()):
        return Head(None, 0)
    return Head(Position(epoch, int(last)), int(archive_id))


def read_refused_head(message: Element) -> Head | None:
    """Read the head that the archive has, if that is why it took nothing."""
    error = message.find(f"{{{CLIENT}}}error")
    is_conflict = read_error(message).condition == "conflict"
    return read_head(error) if error is not None and is_conflict else None


def read_span(message: Element) -> tuple[str, int, int] | None:
    """Read epoch, first and last of a batch; None if the message is none."""
    events = message.find(f"{{{FEED}}}events")
    if events is None:
        return None
    first, last = events.get("first", ""), events.get("last", "")
    if not (first.isdecimal() and last.isdecimal()):
        return None
    return events.get("epoch", ""), int(first), int(last)


def read_page(results: Iterable[Element], answer: Element, room: str) -> ArchivePage:
    """Read the batches of one page; whatever else the archive holds is passed over."""
    forwarded = f"{{{MAM}}}result/{{{FORWARD}}}forwarded/{{{CLIENT}}}message"
    spans, batches = [], []
    for result in results:
        message = result.find(forwarded)
        if message is None or bare(message.get("from", "")) != room:
            continue
        span = read_span(message)
        if span is not None:
            spans.append(span)
            batches.append(message)
    fin = answer.find(f"{{{MAM}}}fin")
    oldest = None if fin is None else fin.findtext(f"{{{RSM}}}set/{{{RSM}}}first")
    is_complete = fin is not None and fin.get("complete") == "true"
    return ArchivePage(tuple(spans), tuple(batches), oldest, is_complete)


def find_event_id(page: ArchivePage, at: Position) -> str | None:
    """Read the id of the event that has this place; None if the page has none there.

    None also for one that stands in for another: it has an id of its own.
    """
    for (epoch, first, last), message in zip(page.spans, page.batches, strict=True):
        if epoch == at.epoch and first <= at.last <= last:
            batch = _read_payload(message)
            event = batch["events"][at.last - first]
            kind = CHANGES.get(event.get("type", batch["type"]))
            return None if kind == "unavailable" else str(event["id"])
    return None


def _read_payload(message: Element) -> Any:
    deflated = message.findtext(f"{{{FEED}}}deflated")
    if deflated is None:
        return json.loads(message.findtext(f"{{{JSON}}}json") or "{}")
    max_bytes = MAX_EVENT_BYTES + MAX_ENVELOPE_BYTES
    return json.loads(inflate(base64.b64decode(deflated), max_bytes))


def read_form(answer: Element) -> dict[str, Field]:
    """Read the fields of a room's configuration, by name."""
    fields = answer.iterfind(f"{{{MUC_OWNER}}}query/{{{DATA}}}x/{{{DATA}}}field")
    return {field.get("var", ""): _read_field(field) for field in fields}


def _read_field(field: Element) -> Field:
    options = field.iterfind(f"{{{DATA}}}option/{{{DATA}}}value")
    return Field(
        values=tuple(v.text or "" for v in field.iterfind(f"{{{DATA}}}value")),
        options=tuple(option.text or "" for option in options),
    )


def write_join(room: str, nick: str) -> str:
    return (
        f"<presence to={quoteattr(f'{room}/{nick}')}>"
        f"<x xmlns='{MUC}'><history maxstanzas='0'/></x></presence>"
    )


def write_leave(room: str, nick: str) -> str:
    return f"<presence type='unavailable' to={quoteattr(f'{room}/{nick}')}/>"


def write_query(query_id: str, count: int, before: str, start_s: int) -> str:
    """Ask for the ``count`` newest archived messages before ``before`` ('': of all).

    None from before ``start_s``, in seconds since 1970: without that bound ejabberd
    counts the whole room for each page.
    """
    start = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"<query xmlns='{MAM}' queryid={quoteattr(query_id)}>"
        f"<x xmlns='{DATA}' type='submit'>"
        f"<field var='FORM_TYPE'><value>{MAM}</value></field>"
        f"<field var='start'><value>{start}</value></field></x>"
        f"<set xmlns='{RSM}'><max>{count}</max>"
        f"<before>{escape(before)}</before></set></query>"
    )


def write_head_query() -> str:
    """Ask the room how far its archive goes: ``contracts/README.md``, "Archive"."""
    return f"<head xmlns='{FEED}'/>"


def write_affiliations(changes: Mapping[str, str]) -> str:
    """Ask the room to give each address its affiliation (XEP-0045, section 9)."""
    items = "".join(
        f"<item jid={quoteattr(address)} affiliation='{affiliation}'/>"
        for address, affiliation in changes.items()
    )
    return f"<query xmlns='{MUC_ADMIN}'>{items}</query>"


def write_list_query(affiliation: str) -> str:
    """Ask who has an affiliation."""
    return f"<query xmlns='{MUC_ADMIN}'><item affiliation='{affiliation}'/></query>"


def read_list(answer: Element) -> list[str]:
    """Read the addresses of an affiliation's list."""
    items = answer.iterfind(f"{{{MUC_ADMIN}}}query/{{{MUC_ADMIN}}}item")
    return [item.get("jid", "") for item in items]


def write_notice(reader: str, feed: str, change: str) -> str:
    """Tell an account's sessions what became of it: ``contracts/README.md``, Readers.

    Feed and change are of the contract's alphabets: nothing to escape.
    """
    return (
        f"<message xmlns='{CLIENT}' type='headline' to={quoteattr(reader)}>"
        f"<reader xmlns='{FEED}' feed='{feed}' change='{change}'/></message>"
    )


def write_form(fields: Mapping[str, Iterable[str]]) -> str:
    body = "".join(
        f"<field var={quoteattr(name)}>"
        + "".join(f"<value>{escape(value)}</value>" for value in values)
        + "</field>"
        for name, values in fields.items()
    )
    return (
        f"<query xmlns='{MUC_OWNER}'><x xmlns='{DATA}' type='submit'>{body}</x></query>"
    )
