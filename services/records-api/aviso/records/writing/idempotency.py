"""Idempotency-Key: the same write again gets the first one's answer.

The key and the answer are stored in the write's own transaction, so they exist exactly
if the write does. Of equal requests at once the first inserts the key, and the others
wait at its unique index until that one has committed, or take its place if it has not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection
from django.http import HttpRequest

from aviso.exact_json.numbers import write_canonical_json
from aviso.problems import BadRequest, KeyReused, show

_FORMAT = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's body and headers; of a header "" is none."""

    body: str
    location: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class WriteKey:
    """The key of one write: whose, and a hash of what is written."""

    scope: str
    key: str
    fingerprint: str


def read_write_key(
    request: HttpRequest, *, scope: str, write: list[object]
) -> WriteKey | None:
    """Read the Idempotency-Key; None without one. `write` says what is written."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _FORMAT.fullmatch(key):
        raise BadRequest(
            f"Idempotency-Key is {show(key)}, expected 1 to 255 visible ASCII"
            " characters",
            field="Idempotency-Key",
        )
    # Canonical: the same write from another JSON library is the same write.
    text = write_canonical_json([request.method, *write])
    return WriteKey(scope, key, hashlib.sha256(text.encode()).hexdigest())


def write_once(key: WriteKey | None, write: Callable[[], Answer]) -> Answer:
    """Write, or return what the key's write was answered before.

    Belongs into a transaction, which has to be rolled back where this raises.
    """
    if key is None:
        return write()
    kept = _claim_key(key)
    if kept:
        return kept
    answer = write()
    _keep_answer(key, answer)
    return answer


def _claim_key(key: WriteKey) -> Answer | None:
    """Take the key for the transaction under way, or return what it was used for.

    Raises KeyReused if that was another write.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO aviso.idempotency_keys"
            " (scope, key, fingerprint) VALUES (%s, %s, %s)"
            " ON CONFLICT (scope, key) DO NOTHING RETURNING id",
            [key.scope, key.key, key.fingerprint],
        )
        if cursor.fetchone():
            return None
        cursor.execute(
            "SELECT fingerprint, answer, location, etag FROM aviso.idempotency_keys"
            " WHERE scope = %s AND key = %s",
            [key.scope, key.key],
        )
        fingerprint, *answer = cursor.fetchone()
    if fingerprint != key.fingerprint:
        raise KeyReused(
            f"Idempotency-Key {show(key.key)} was used for another write before",
            field="Idempotency-Key",
        )
    return Answer(*answer)


def _keep_answer(key: WriteKey, answer: Answer) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE aviso.idempotency_keys SET answer = %s, location = %s, etag = %s"
            " WHERE scope = %s AND key = %s",
            [answer.body, answer.location, answer.etag, key.scope, key.key],
        )
