"""Words, alphabets and limits of ``contracts/``, which tests hold against it."""

from __future__ import annotations

import re
from typing import Final, Literal

Change = Literal[
    "created", "updated", "deleted", "unavailable", "granted", "revoked", "reset"
]
Visibility = Literal["public", "private"]
Cause = Literal["unreadable", "too-deep", "invalid", "unknown-type", "too-large"]

BATCH: Final = "aviso.batch.v2"
OPENING: Final = "aviso.feed.opened.v1"
CHANGES: Final[dict[str, Change]] = {
    "aviso.record.created.v1": "created",
    "aviso.record.updated.v1": "updated",
    "aviso.record.deleted.v1": "deleted",
    "aviso.record.unavailable.v1": "unavailable",
    "aviso.reader.granted.v1": "granted",
    "aviso.reader.revoked.v1": "revoked",
    "aviso.feed.reset.v1": "reset",
}
READER_CHANGES: Final[frozenset[Change]] = frozenset({"granted", "revoked"})
NAMESPACE: Final = "urn:aviso:feed:2"

MAX_EVENTS: Final = 250
MAX_EVENT_BYTES: Final = 1_048_576
MAX_ENCODED_BYTES: Final = 393_216
# What the batch says beside its one event.
MAX_ENVELOPE_BYTES: Final = 4_096
MAX_SUBJECT_CHARACTERS: Final = 1_024
MAX_READERS: Final = 10_000
MAX_REPORTS: Final = 500

FEED: Final = r"^[a-z0-9-]{1,64}\Z"
SOURCE: Final = r"^/feeds/[a-z0-9-]{1,64}\Z"
EPOCH: Final = r"^[a-z0-9]{4,16}\Z"
SEQUENCE: Final = r"^[1-9][0-9]{0,18}\Z"
HEAD: Final = r"^(0|[1-9][0-9]{0,18})\Z"
UUID: Final = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z"
TIME: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
# Stricter than the schema by what XML 1.0 forbids: one such character in a query about
# the reader would close the stream to ejabberd.
READER: Final = (
    r"^[^@/\s\"&'<>:\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]{1,64}"
    r"@[a-z0-9.-]{1,253}\Z"
)
RUN: Final = r"^.{1,64}\Z"

is_feed: Final = re.compile(FEED).match
is_epoch: Final = re.compile(EPOCH).match
is_sequence: Final = re.compile(SEQUENCE).match
is_reader: Final = re.compile(READER).match
is_run: Final = re.compile(RUN).match
