"""Everything that can go wrong here, as one tree.

    PusherError
    ├── SettingsError        the environment is wrong: don't start
    ├── NotConfirmed         the broker did not take a message: again, later
    └── RoomError            a batch has an unknown or no outcome
        ├── RoomLost         not in the room (any more), or no answer: join again,
        │   │                ask the archive, go on from there
        │   └── RoomEnded    destroyed just now, perhaps still being: the same
        ├── Bounced          the server answered with an error: as RoomLost, but
        │                    another try is not likely to help
        ├── NotArchived      the room spoke, and nothing proves that it archived: the
        │                    same
        ├── Behind           the archive took nothing, for its head is another: go on
        │                    from that
        ├── NotOurs          the room is there and somebody else owns it: the same,
        │                    but a person has to mend it
        └── Refused          the room won't take this very batch: another try would
                             not help

A library's own exceptions stop in ``amqp/`` and ``xmpp/``.
"""

from __future__ import annotations

from typing import Final

from .position import Position

# A room that has just been destroyed answers so until it is made again.
_ROOM_IS_GONE: Final = frozenset({"item-not-found", "gone"})


class PusherError(Exception):
    pass


class SettingsError(PusherError):
    pass


class NotConfirmed(PusherError):
    pass


class RoomError(PusherError):
    pass


class RoomLost(RoomError):
    pass


class RoomEnded(RoomLost):
    pass


class Bounced(RoomError):
    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition


def bounced(condition: str, description: str) -> Bounced | RoomEnded:
    """Return what an error that the server answered with says of a room."""
    if condition in _ROOM_IS_GONE:
        return RoomEnded(description)
    return Bounced(condition, description)


class NotArchived(RoomError):
    pass


class Behind(RoomError):
    """``head``: how far the room's archive goes; None if it has no batch."""

    def __init__(self, head: Position | None, description: str) -> None:
        super().__init__(description)
        self.head = head


class NotOurs(RoomError):
    pass


class Refused(RoomError):
    pass
