"""Who may read a room, from the contract's words to the room's own: pure.

A room keeps an affiliation for each address, and one for a whole host that holds for
whoever has none of his own (ejabberd's ``get_affiliation``). So a member is an account
that was granted the feed, the host of the ticket holders as a whole is one, and an
outcast is a ticket holder that was put out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal

from ..contract import Change
from ..messages import Reader

Affiliation = Literal["none", "member", "outcast"]


def is_ticket_holder(reader: str, ticket_domain: str) -> bool:
    return reader.rpartition("@")[2] == ticket_domain


def affiliate(reader: str, change: Change, ticket_domain: str) -> Affiliation:
    """Say what the room has to make of a reader who was granted or revoked."""
    is_granted = change == "granted"
    if is_ticket_holder(reader, ticket_domain):
        return "none" if is_granted else "outcast"
    return "member" if is_granted else "none"


def list_changes(reader: Reader, ticket_domain: str) -> dict[str, Affiliation]:
    """Return what a grant or a revoke makes of its reader."""
    affiliation = affiliate(reader.address, reader.change, ticket_domain)
    return {prepare(reader.address): affiliation}


def list_differences(
    present: Mapping[str, Affiliation],
    readers: Iterable[str],
    revoked: Iterable[str],
    ticket_domain: str,
) -> dict[str, Affiliation]:
    """Return what brings a room's members and outcasts to exactly the given ones.

    ``present`` holds those that the room has. Whoever has to go comes first.
    """
    wanted: dict[str, Affiliation] = {ticket_domain: "member"}
    for reader in map(prepare, readers):
        # A ticket holder needs no entry: his host has one.
        if not is_ticket_holder(reader, ticket_domain):
            wanted[reader] = "member"
    for reader in map(prepare, revoked):
        wanted[reader] = "outcast"
    gone: dict[str, Affiliation] = {
        address: "none" for address in present if address not in wanted
    }
    outcasts = {a: w for a, w in wanted.items() if w == "outcast"}
    changed = {
        address: affiliation
        for address, affiliation in (outcasts | wanted).items()
        if present.get(address) != affiliation
    }
    return gone | changed


def prepare(address: str) -> str:
    """Write an address as ejabberd keeps it (RFC 6122: folded, then NFKC)."""
    return unicodedata.normalize("NFKC", address.casefold())
