"""A room's members and outcasts (XEP-0045, section 9), as its owner keeps them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from ..errors import Bounced, Refused
from . import muc
from .readers import Affiliation, is_ticket_holder, list_differences, prepare
from .session import Session

log = logging.getLogger(__name__)

# One query for all would pass the server's bound for a stanza, and its patience.
_CHANGES_AT_ONCE: Final = 200
_MALFORMED: Final = frozenset({"bad-request", "jid-malformed", "not-acceptable"})


class Affiliations:
    def __init__(self, session: Session, room: str, ticket_domain: str) -> None:
        self._session = session
        self._room = room
        self._ticket_domain = ticket_domain

    async def has_ticket_host(self) -> bool:
        return self._ticket_domain in await self._read("member")

    async def admit_ticket_host(self) -> None:
        # Not if it is in already: that takes each ticket holder's role anew.
        if not await self.has_ticket_host():
            await self._set({self._ticket_domain: "member"})

    async def change(self, changes: Mapping[str, Affiliation]) -> None:
        """Give readers other affiliations, in one query.

        Raises Refused if the room won't ever take one of them.
        """
        wanted = dict(changes)
        forgiven = [address for address in wanted if self._is_forgiven(address, wanted)]
        if forgiven:
            # ejabberd puts out whom it takes an affiliation from, and counts the one
            # of a ticket holder's host as his own.
            outcasts = await self._read("outcast")
            for address in forgiven:
                if address not in outcasts:
                    del wanted[address]
        if wanted:
            await self._set(wanted)

    async def replace(self, readers: Iterable[str], revoked: Iterable[str]) -> None:
        """Bring both lists to exactly these, and the host of the tickets.

        An address that the room won't ever take is passed over: nobody can have it.
        """
        present: dict[str, Affiliation] = dict.fromkeys(
            await self._read("member"), "member"
        )
        present |= dict.fromkeys(await self._read("outcast"), "outcast")
        await self._bring(present, readers, revoked)

    async def fill(self, readers: Iterable[str], revoked: Iterable[str]) -> None:
        """Do the same in a room that was made just now: its lists are empty."""
        await self._bring({}, readers, revoked)

    async def _bring(
        self,
        present: Mapping[str, Affiliation],
        readers: Iterable[str],
        revoked: Iterable[str],
    ) -> None:
        changes = list_differences(present, readers, revoked, self._ticket_domain)
        rest = iter(changes.items())
        while some := dict(islice(rest, _CHANGES_AT_ONCE)):
            await self._set_patiently(some)

    async def _set_patiently(self, changes: dict[str, Affiliation]) -> None:
        """Set what can be set, halving down to the addresses that can't."""
        try:
            await self._set(changes)
        except Refused:
            if len(changes) == 1:
                log.warning(
                    "a reader's address that the room refuses is passed over",
                    extra={"room": self._room, "outcome": "refused"},
                )
                return
            rest = iter(changes.items())
            await self._set_patiently(dict(islice(rest, len(changes) // 2)))
            await self._set_patiently(dict(rest))

    async def _set(self, changes: Mapping[str, Affiliation]) -> None:
        if prepare(muc.bare(self._session.address)) in changes:
            raise Refused("the pusher's own account is no reader")
        query = muc.write_affiliations(changes)
        try:
            await self._session.ask("set", self._room, query)
        except Bounced as bounce:
            if bounce.condition in _MALFORMED:
                raise Refused(str(bounce)) from bounce
            if bounce.condition == "not-allowed":
                # Either of that reader, or since we are no owner (any more): then
                # this is refused as well, and joining again tells.
                await self._read("owner")
                raise Refused(str(bounce)) from bounce
            raise

    def _is_forgiven(self, address: str, changes: Mapping[str, Affiliation]) -> bool:
        is_none = changes[address] == "none"
        return is_none and is_ticket_holder(address, self._ticket_domain)

    async def _read(self, affiliation: str) -> list[str]:
        query = muc.write_list_query(affiliation)
        return muc.read_list(await self._session.ask("get", self._room, query))
