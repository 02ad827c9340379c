"""How a feed's room is set up: a stage on which only the pusher speaks.

Names of the owner form differ between ejabberd's releases; the pusher submits those
that the server offers, and reads the form back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..contract import Visibility
from .muc import Field

FORM_TYPE: Final = "http://jabber.org/protocol/muc#roomconfig"

Values = tuple[str, ...]

_NO: Final[Values] = ("0",)
_YES: Final[Values] = ("1",)
_WISHES: Final[dict[str, Values]] = {
    "muc#roomconfig_persistentroom": _YES,
    "muc#roomconfig_moderatedroom": _YES,
    # Otherwise every visitor gets a voice.
    "members_by_default": _NO,
    "muc#roomconfig_passwordprotectedroom": _NO,
    "muc#roomconfig_whois": ("moderators",),
    "public_list": _NO,
    # With all roles, a thousand joins cost a million presences.
    "muc#roomconfig_presencebroadcast": ("moderator",),
    "muc#roomconfig_changesubject": _NO,
    "allow_query_users": _NO,
    "muc#roomconfig_allowinvites": _NO,
    "allow_visitor_status": _NO,
    "allow_visitor_nickchange": _NO,
    "allow_voice_requests": _NO,
    # A subscription gives a voice even in a moderated room.
    "allow_subscription": _NO,
    "muc#roomconfig_enablelogging": _NO,
    "mam": _YES,
}
_PRIVATE_MESSAGES: Final[dict[str, Values]] = {
    # 23.01 has the first, from 24.10 on it is the second.
    "allow_private_messages": _NO,
    "muc#roomconfig_allowpm": ("none",),
    "allow_private_messages_from_visitors": ("nobody",),
}
# Submitted in one form with the options, so it never tells of half a set-up.
_DESCRIPTION: Final = "muc#roomconfig_roomdesc"
_MEMBERS_ONLY: Final = "muc#roomconfig_membersonly"
_PUBLIC: Final = "Aviso feed, public"
_PRIVATE: Final = "Aviso feed, private"
# Of a room that was made (anew) and not opened since: who may read it is not known.
_UNOPENED: Final = ", not opened yet"
_MAX_USERS: Final = "muc#roomconfig_maxusers"
# Without these the room is no place for events, whatever else it offers.
REQUIRED: Final = frozenset(
    {"muc#roomconfig_persistentroom", "muc#roomconfig_moderatedroom", "mam"}
)


def list_changes(
    feed: str,
    offered: Mapping[str, Field],
    visibility: Visibility | None,
    *,
    is_opened: bool,
) -> dict[str, Values]:
    """Return the fields to submit, by name; empty if the room is as it should be.

    With ``visibility`` None, the room's own description tells what it was last. A room
    that does not say so is closed until the feed is opened: better late than leaked.
    ``is_opened`` is written there too, so that whoever comes next knows it.
    """
    is_public = (visibility or read_visibility(offered)) == "public"
    wishes = _WISHES | _PRIVATE_MESSAGES | _wish_users(offered)
    wishes["muc#roomconfig_roomname"] = (feed,)
    description = _PUBLIC if is_public else _PRIVATE
    wishes[_DESCRIPTION] = (description + ("" if is_opened else _UNOPENED),)
    wishes["muc#roomconfig_publicroom"] = _YES if is_public else _NO
    wishes[_MEMBERS_ONLY] = _NO if is_public else _YES
    return _list_differences(wishes, offered)


def is_closed(offered: Mapping[str, Field]) -> bool:
    """Whether it is a stage already, and for nobody but its members.

    What they could say to one another does not count: a room of which this is asked has
    none yet, and the server's defaults for it have other names in each release.
    """
    closed = _WISHES | {_MEMBERS_ONLY: _YES}
    return _MEMBERS_ONLY in offered and not _list_differences(closed, offered)


def _list_differences(
    wishes: Mapping[str, Values], offered: Mapping[str, Field]
) -> dict[str, Values]:
    return {
        name: values
        for name, values in wishes.items()
        if name in offered and set(offered[name].values) != set(values)
    }


def read_visibility(offered: Mapping[str, Field]) -> Visibility | None:
    """Read what this pusher, or one before it, last made of the room."""
    description = _read_description(offered).removesuffix(_UNOPENED)
    if description == _PUBLIC:
        return "public"
    return "private" if description == _PRIVATE else None


def is_opened(offered: Mapping[str, Field]) -> bool:
    return _read_description(offered) in (_PUBLIC, _PRIVATE)


def _read_description(offered: Mapping[str, Field]) -> str:
    return "".join(offered.get(_DESCRIPTION, Field(())).values)


def find_missing(offered: Mapping[str, Field]) -> list[str]:
    return sorted(REQUIRED - offered.keys())


def _wish_users(offered: Mapping[str, Field]) -> dict[str, Values]:
    """Wish for as many occupants as the service has on offer: its default is 200."""
    field = offered.get(_MAX_USERS)
    limits = [option for option in field.options if option.isdecimal()] if field else []
    return {_MAX_USERS: (max(limits, key=int),)} if limits else {}
