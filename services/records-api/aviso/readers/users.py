"""A project's users as readers: let in, put out, given tickets.

Who logs in to the project has no account of XMPP's: he is a ticket's holder, named by
his primary key, whatever the project's user model is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied

from aviso.access.audit import note_change
from aviso.access.grants import list_granted_feeds, list_refused_feeds
from aviso.access.tokens import MAX_FEEDS, Ticket, make_ticket
from aviso.conf import conf
from aviso.feeds.models import Feed
from aviso.feeds.opening import require_feed
from aviso.names.readers import ReaderName
from aviso.readers.writing import grant_reader, revoke_reader

TICKET_LASTS_S = 600
_BY = "project"
_PLAIN = re.compile(rb"[a-z0-9-]")
_MAX_NAME_CHARS = 64


def grant(
    user: AbstractBaseUser, feed: str, *, expires_at: datetime | None = None
) -> None:
    """Let a user read a private feed, until `expires_at` or until he is put out.

    Part of the transaction around it: rows that are written after it are his to read.
    `feed` may be one of a tracked table that has no row yet: `orders-7`.
    Raises Feed.DoesNotExist; ValueError for a user without a primary key.
    """
    name = name_user(user)
    require_feed(feed)
    grant_reader(feed, name, expires_at)
    note_change("granted", by=_BY, feed=feed, reader=name.jid, expires_at=expires_at)


def revoke(user: AbstractBaseUser, feed: str) -> None:
    """Put a user out: his tickets for the feed end, and rows from now on are not his.

    Raises as `grant` does. Who is out stays out.
    """
    name = name_user(user)
    require_feed(feed)
    if revoke_reader(feed, name):
        note_change("revoked", by=_BY, feed=feed, reader=name.jid)


def reader_token(
    user: AbstractBaseUser,
    feeds: Sequence[str] | None = None,
    *,
    lasts_s: int = TICKET_LASTS_S,
) -> str:
    """Return a ticket for `<record-feed>`: it opens for a while what the user may read.

    `feeds`: those that the page shows, of which what he may not read is left out; by
    default all that he was let into. AVISO_TICKET_SECRET has to be the stack's.
    Raises PermissionDenied when nothing is left, ValueError beyond 32 feeds.
    """
    return make_user_ticket(user, feeds, lasts_s=lasts_s).text


def make_user_ticket(
    user: AbstractBaseUser, feeds: Sequence[str] | None, *, lasts_s: int
) -> Ticket:
    """As `reader_token`, with when it ends."""
    if not user.is_active:
        raise PermissionDenied("the account is not active")
    name = name_user(user)
    opened = _find_open_feeds(name, feeds)
    if not opened:
        raise PermissionDenied("there is no feed that this user may read")
    if len(opened) > MAX_FEEDS:
        raise ValueError(
            f"{len(opened)} feeds are open to {name.jid}, and a ticket names"
            f" {MAX_FEEDS}: say which the page shows"
        )
    return make_ticket(name.jid, opened, lasts_s=lasts_s)


def name_user(user: AbstractBaseUser) -> ReaderName:
    """Return the ticket holder that a user is: no two are the same.

    a-z, 0-9 and - of the primary key stand for themselves, other bytes are _ and two
    hex digits; what would be too long is a hash.
    """
    if user.pk is None:
        raise ValueError(f"{user!r} has no primary key: save it first")
    key = str(user.pk).encode()
    local = "u-" + "".join(
        chr(byte) if _PLAIN.fullmatch(bytes([byte])) else f"_{byte:02x}" for byte in key
    )
    if len(local) > _MAX_NAME_CHARS:
        local = f"h-{hashlib.sha256(key).hexdigest()[:32]}"
    return ReaderName(f"{local}@{conf.xmpp_ticket_domain}", is_ticket=True)


def _find_open_feeds(name: ReaderName, feeds: Sequence[str] | None) -> list[str]:
    granted = list_granted_feeds(name.jid)
    if feeds is None:
        return sorted(granted)
    wanted = list(dict.fromkeys(feeds))
    public = set(
        Feed.objects.filter(
            slug__in=wanted[: MAX_FEEDS + 1], visibility=Feed.Visibility.PUBLIC
        ).values_list("slug", flat=True)
    )
    refused = set(list_refused_feeds(name.jid, wanted))
    opened = {*granted, *(public - refused)}
    return [slug for slug in wanted if slug in opened]
