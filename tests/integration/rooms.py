"""What ejabberd's own API says of rooms, and does to them.

As an administrator on this machine: no user reaches it.
"""

from __future__ import annotations

from .running import Stack
from .waiting import until


def online_rooms(stack: Stack) -> set[str]:
    """The slugs of the rooms that are there."""
    service = stack.facts["xmpp"]["rooms_domain"]
    rooms = stack.ask_ejabberd("muc_online_rooms", {"service": service})
    return {each.partition("@")[0] for each in rooms}


def wait_for_room(stack: Stack, slug: str) -> None:
    until(lambda: slug in online_rooms(stack), f"the room of {slug}")


def wait_for_open_room(stack: Stack, slug: str) -> None:
    """Wait until a public feed's room lets everybody in: it begins closed."""
    wait_for_room(stack, slug)
    room = {"name": slug, "service": stack.facts["xmpp"]["rooms_domain"]}

    def is_open() -> bool:
        options = stack.ask_ejabberd("get_room_options", room)
        return bool(options["members_only"] == "false")

    until(is_open, f"the room of {slug} to open")


def let_in(stack: Stack, slug: str, jid: str) -> None:
    """Make an account, or a whole host, a member of a room."""
    service = stack.facts["xmpp"]["rooms_domain"]
    arguments = {"name": slug, "service": service, "jid": jid, "affiliation": "member"}
    stack.ask_ejabberd("set_room_affiliation", arguments)
