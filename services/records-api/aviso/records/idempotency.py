"""Idempotency-Key: the same write again gets the first one's answer.

The key and the answer are stored in the write's own transaction, so they exist exactly
if the write does. Of equal requests at once the first inserts the key, and the others
wait at its unique index until that one has committed, or take its place if it has not.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from django.db import connection
from django.http import HttpRequest

from aviso.rest.json_numbers import write_canonical_json
from aviso.rest.problems import BadRequest, KeyReused, show

_FORMAT = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Answer:
    body: str
    location: str = ""


@dataclass(frozen=True, slots=True)
class WriteKey:
    """The key of one write: whose, and a hash of what is written."""

    scope: str
    key: str
    fingerprint: str


def read_write_key(
    request: HttpRequest, *, scope: str, feed: str, body: object
) -> WriteKey | None:
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
    text = write_canonical_json([feed, body])
    return WriteKey(scope, key, hashlib.sha256(text.encode()).hexdigest())


def claim_key(key: WriteKey) -> Answer | None:
    """Take the key for the transaction under way, or return what it was used for.

    Raises KeyReused if that was another write.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO aviso.idempotency_keys"
            " (scope, key, fingerprint, answer, location) VALUES (%s, %s, %s, '', '')"
            " ON CONFLICT (scope, key) DO NOTHING RETURNING id",
            [key.scope, key.key, key.fingerprint],
        )
        if cursor.fetchone():
            return None
        cursor.execute(
            "SELECT fingerprint, answer, location FROM aviso.idempotency_keys"
            " WHERE scope = %s AND key = %s",
            [key.scope, key.key],
        )
        fingerprint, body, location = cursor.fetchone()
    if fingerprint != key.fingerprint:
        raise KeyReused(
            f"Idempotency-Key {show(key.key)} was used for another write before",
            field="Idempotency-Key",
        )
    return Answer(body, location)


def keep_answer(key: WriteKey, answer: Answer) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE aviso.idempotency_keys SET answer = %s, location = %s"
            " WHERE scope = %s AND key = %s",
            [answer.body, answer.location, key.scope, key.key],
        )
