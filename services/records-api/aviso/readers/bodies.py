"""Read the bodies of requests about readers and tickets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from aviso.access.tokens import MAX_FEEDS
from aviso.conf import conf
from aviso.exact_json.times import read_time
from aviso.names.readers import TICKET_NAME, ReaderName, parse_reader
from aviso.names.slugs import is_slug
from aviso.problems import BadRequest, show
from aviso.rest.members import describe, take_members

MIN_LASTS_S, DEFAULT_LASTS_S, MAX_LASTS_S = 60, 600, 3600
_LAST_YEAR = 9998


@dataclass(frozen=True, slots=True)
class TicketWish:
    reader: str
    feeds: list[str]
    lasts_s: int


def read_grant(body: object) -> tuple[ReaderName, datetime | None]:
    members = take_members(body, {"reader", "expires_at"})
    return _read_reader(members.get("reader")), _read_end(members.get("expires_at"))


def read_ticket(body: object) -> TicketWish:
    members = take_members(body, {"reader", "feeds", "expires_in"})
    name = members.get("reader")
    if not (isinstance(name, str) and re.fullmatch(TICKET_NAME, name)):
        raise BadRequest(
            f"reader is {show(name)}, expected 1 to 64 of a-z, 0-9, dot, _ and -",
            pointer="/reader",
        )
    return TicketWish(
        f"{name}@{conf.xmpp_ticket_domain}",
        _read_feeds(members.get("feeds")),
        _read_lasts(members.get("expires_in", DEFAULT_LASTS_S)),
    )


def _read_reader(value: object) -> ReaderName:
    name = parse_reader(value) if isinstance(value, str) else None
    if name is None:
        raise BadRequest(
            f"reader is {show(value)}, expected an account such as"
            f" ada@{conf.xmpp_domain}, or a ticket's holder such as"
            f" u-17@{conf.xmpp_ticket_domain}",
            pointer="/reader",
        )
    return name


def _read_end(value: object) -> datetime | None:
    if value is None:
        return None
    end = read_time(value)
    if end is None or end.year > _LAST_YEAR or end <= timezone.now():
        raise BadRequest(
            f"expires_at is {show(value)}, expected a time to come, such as"
            " 2027-01-01T00:00:00Z, or null",
            pointer="/expires_at",
        )
    return end


def _read_feeds(value: Any) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_FEEDS:
        raise BadRequest(
            f"feeds is {describe(value)}, expected a list of 1 to {MAX_FEEDS} feeds",
            pointer="/feeds",
        )
    for index, slug in enumerate(value):
        if not is_slug(slug):
            raise BadRequest(
                f"{show(slug)} is no feed's slug: 1 to 64 of a-z, 0-9 and -",
                pointer=f"/feeds/{index}",
            )
    return list(dict.fromkeys(value))


def _read_lasts(value: object) -> int:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if not (is_integer and MIN_LASTS_S <= int(str(value)) <= MAX_LASTS_S):
        raise BadRequest(
            f"expires_in is {show(value)}, expected {MIN_LASTS_S} to {MAX_LASTS_S}"
            " seconds",
            pointer="/expires_in",
        )
    return int(str(value))
