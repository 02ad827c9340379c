"""Make, check and revoke API keys: `aviso_<public id>_<secret>`."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from aviso.access.audit import BY_COMMAND, describe_rights, note_key
from aviso.access.models import ApiKey
from aviso.database.failures import refuses_writes

_ALPHABET = string.ascii_lowercase + string.digits
_ID_CHARS = 12
# 43 characters of 36: 222 bits, so that SHA-256 alone keeps the secret.
_SECRET_CHARS = 43
PREFIX = "aviso_"
KEY_FORMAT = re.compile(
    rf"{PREFIX}([a-z0-9]{{{_ID_CHARS}}})_([a-z0-9]{{{_SECRET_CHARS}}})"
)
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a key may do, and where; `feeds` counts only without `all_feeds`."""

    all_feeds: bool = False
    feeds: Sequence[str] = ()
    read: bool = False
    write: bool = False
    manage: bool = False
    grant: bool = False


def create_key(
    *, name: str, rights: Rights, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Store a new key and return it with its text, which can't be had again."""
    stored = ApiKey(
        name=name,
        all_feeds=rights.all_feeds,
        feeds=sorted(set(rights.feeds)),
        may_read=rights.read,
        may_write=rights.write,
        may_manage=rights.manage,
        may_grant=rights.grant,
        expires_at=expires_at,
    )
    text = give_secret(stored)
    stored.save(force_insert=True)
    note_key("made", stored, by=BY_COMMAND, **describe_rights(stored))
    return stored, text


def give_secret(key: ApiKey) -> str:
    """Give an unsaved key its id and secret, and return the key's text."""
    secret = _random_text(_SECRET_CHARS)
    key.id = _random_text(_ID_CHARS)
    key.secret_sha256 = _hash(secret)
    return f"{PREFIX}{key.id}_{secret}"


def revoke_key(key_id: str, *, by: str = BY_COMMAND) -> bool:
    """Revoke a key at once; return False if there is none, or it was revoked before."""
    found = ApiKey.objects.filter(pk=key_id, revoked_at=None)
    if not found.update(revoked_at=timezone.now()):
        return False
    note_key("revoked", ApiKey.objects.get(pk=key_id), by=by)
    return True


def find_key(text: str) -> ApiKey | None:
    """Return the key of this text, if there is one that is valid now."""
    parts = KEY_FORMAT.fullmatch(text)
    if parts is None:
        return None
    # Raw: Django would put the same SQL together for every request.
    found = ApiKey.objects.raw("SELECT * FROM aviso.api_keys WHERE id = %s", [parts[1]])
    key = next(iter(found), None)
    if key is None or not hmac.compare_digest(key.secret_sha256, _hash(parts[2])):
        return None
    now = timezone.now()
    if key.revoked_at or (key.expires_at and key.expires_at <= now):
        return None
    if key.last_used_at is None or now - key.last_used_at >= _USE_NOTED_EVERY:
        _note_use(key)
    return key


def will_do(text: str, rights: Rights) -> bool:
    """Return whether this is a valid key with all of these rights."""
    key = find_key(text)
    if key is None:
        return False
    has = [key.may_read, key.may_write, key.may_manage, key.may_grant]
    wanted = [rights.read, rights.write, rights.manage, rights.grant]
    if any(want and not may for want, may in zip(wanted, has, strict=True)):
        return False
    is_within = not rights.all_feeds and set(rights.feeds) <= set(key.feeds)
    return key.all_feeds or is_within


def _note_use(key: ApiKey) -> None:
    """Write down that the key is used; whoever finds the row locked leaves it.

    So does whoever finds the database read-only: the key may read all the same.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE aviso.api_keys SET last_used_at = now() WHERE id IN"
                " (SELECT id FROM aviso.api_keys WHERE id = %s FOR UPDATE SKIP LOCKED)",
                [key.id],
            )
    except DatabaseError as exc:
        if not refuses_writes(exc):
            raise


def _random_text(chars: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(chars))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
