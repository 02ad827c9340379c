"""Tokens of readers: JSON Web Tokens, as contracts/README.md ("Tokens") has them.

A ticket is made here and names its feeds. An account's token is made by ejabberd and
says only who it is: the grants in the database say what he may read.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt

from aviso.access.grants import list_granted_feeds, list_refused_feeds
from aviso.conf import conf
from aviso.names.readers import ReaderName, parse_reader
from aviso.names.slugs import is_slug

ALGORITHM = "HS256"
# A ticket with the most feeds that it may have is some 3,100.
MAX_CHARS = 4096
MAX_FEEDS = 32
# Checked below instead, in types and values: PyJWT takes "600" and 1e999 for times.
_OPTIONS: Any = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A signed ticket; whoever has `text` has it, so `repr` hides it."""

    text: str = field(repr=False)
    token_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenReader:
    """Whoever showed a valid token, and the private feeds that are open to him now."""

    jid: str
    feeds: frozenset[str]


def make_ticket(reader: str, feeds: Sequence[str], *, lasts_s: int) -> Ticket:
    now = int(time.time())
    claims = {
        "sub": reader,
        "feeds": list(feeds),
        "iat": now,
        "exp": now + lasts_s,
        "jti": secrets.token_urlsafe(12),
    }
    text = jwt.encode(claims, conf.ticket_secret, algorithm=ALGORITHM)
    expires_at = datetime.fromtimestamp(now + lasts_s, UTC)
    return Ticket(text, str(claims["jti"]), expires_at)


def find_reader(text: str) -> TokenReader | None:
    """Return whose valid token this is, with what he may read; None if it is none."""
    claims = _read_claims(text)
    name = None if claims is None else _read_name(claims)
    if claims is None or name is None:
        return None
    if not name.is_ticket:
        return TokenReader(name.jid, frozenset(list_granted_feeds(name.jid)))
    named = claims.get("feeds")
    if not isinstance(named, list) or not all(map(is_slug, named)):
        return None
    refused = list_refused_feeds(name.jid, named)
    return TokenReader(name.jid, frozenset(named) - frozenset(refused))


def _read_claims(text: str) -> dict[str, Any] | None:
    if len(text) > MAX_CHARS:
        return None
    try:
        claims: dict[str, Any] = jwt.decode(
            text, conf.ticket_secret, algorithms=[ALGORITHM], options=_OPTIONS
        )
    # Of a stranger's text: JSON as deep as he likes, bytes that are no text.
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    expires_at = claims.get("exp")
    if isinstance(expires_at, bool) or not isinstance(expires_at, int | float):
        return None
    return claims if expires_at > time.time() else None


def _read_name(claims: dict[str, Any]) -> ReaderName | None:
    subject = claims.get("sub")
    return parse_reader(subject) if isinstance(subject, str) else None
