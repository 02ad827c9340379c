"""One batch as one groupchat message, by hand: ``contracts/README.md``, "Stanza".

Written as text, not with an XML library: the payload goes in as it came, and it is
twice as fast. Feed, epoch and numbers are of the contract's alphabets: nothing to
escape.
"""

from __future__ import annotations

import base64
from typing import Final

from ..contract import NAMESPACE
from ..messages import Batch
from ..position import Position, Span
from ..summary import describe_beginning

FIRST_NAMESPACE: Final = "urn:aviso:feed:1"


def name_batch(feed: str, span: Span) -> str:
    return f"{feed}:{span.epoch}:{span.first}-{span.last}"


def span_behind(at: Position) -> Span:
    """Name the empty batch that says that its epoch goes on behind ``at``."""
    return Span(at.epoch, at.last + 1, at.last)


def write_batch(room: str, batch: Batch) -> str:
    if batch.is_deflated:
        text = base64.b64encode(batch.payload).decode("ascii")
        payload = f'<deflated xmlns="{NAMESPACE}">{text}</deflated>'
    else:
        text = escape(batch.payload.decode("ascii"))
        payload = f'<json xmlns="urn:xmpp:json:0">{text}</json>'
    return _write(room, batch.feed, batch.span, batch.description, payload)


def write_announcement(room: str, feed: str, at: Position) -> str:
    """Write the empty batch that says where an epoch begins, or goes on."""
    span = span_behind(at)
    return _write(room, feed, span, describe_beginning(feed, span.first), "")


def write_notice_of_version(room: str, feed: str, epoch: str) -> str:
    """Write what tells a client of the first version that it is too old.

    To that one it is a batch of one event of a type that it does not know, which it
    says aloud; a client of today passes it over. No archive keeps it.
    """
    event = (
        '{"specversion":"1.0","id":"00000000-0000-4000-8000-000000000000",'
        f'"source":"/feeds/{feed}","type":"aviso.batch.v2",'
        f'"time":"1970-01-01T00:00:00.000000Z","feed":"{feed}","feedepoch":"{epoch}",'
        '"feedseq":"1","data":{}}'
    )
    return (
        f'<message xmlns="jabber:client" type="groupchat" id="{feed}:{epoch}:1-1"'
        f' to="{room}"><events xmlns="{FIRST_NAMESPACE}" feed="{feed}"'
        f' epoch="{epoch}" first="1" last="1"/>'
        f'<json xmlns="urn:xmpp:json:0">[{event}]</json>'
        f'<notice xmlns="{NAMESPACE}"/><no-store xmlns="urn:xmpp:hints"/></message>'
    )


def escape(text: str) -> str:
    """Write text so that an XML reader finds exactly it again."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A bare CR would reach the reader as LF (XML 1.0, section 2.11).
    return text.replace("\r", "&#13;")


def _write(room: str, feed: str, span: Span, body: str, payload: str) -> str:
    return (
        f'<message xmlns="jabber:client" type="groupchat"'
        f' id="{name_batch(feed, span)}" to="{room}">'
        f"<body>{escape(body)}</body>"
        f'<events xmlns="{NAMESPACE}" feed="{feed}" epoch="{span.epoch}"'
        f' first="{span.first}" last="{span.last}"/>'
        f"{payload}</message>"
    )
