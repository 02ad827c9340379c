"""Everything that can go wrong here, as one tree.

    PusherError
    ├── SettingsError        the environment is wrong: don't start
    ├── BrokerGone           the connection is closed: its deliveries are void, they
    │                        come again over the next one
    ├── NotConfirmed         the broker did not take a message: again, later
    └── RoomError            the feed's batch has an unknown or no outcome
        ├── RoomLost         not in the room (any more), or no answer: join again,
        │                    read the archive, go on from there
        ├── Bounced          the server answered with an error: as RoomLost
        ├── NotArchived      the room spoke, and nothing proves that it archived: the
        │                    same, later
        ├── Behind           the archive took nothing, for its head is another: go on
        │                    from that
        ├── NotOurs          the room is there and somebody else owns it: the same,
        │                    but a person has to mend it
        └── Refused          the room won't take this very stanza: another try would
                             not help

``mends_itself`` says whether trying again makes sense without a person.
A library's own exceptions stop in ``amqp.py`` and ``rooms.py``.
"""

from __future__ import annotations

from typing import ClassVar

from .positions import Position


class PusherError(Exception):
    mends_itself: ClassVar[bool] = True


class SettingsError(PusherError):
    mends_itself = False


class BrokerGone(PusherError):
    pass


class NotConfirmed(PusherError):
    pass


class RoomError(PusherError):
    pass


class RoomLost(RoomError):
    pass


class Bounced(RoomError):
    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition


class NotArchived(RoomError):
    pass


class Behind(RoomError):
    """``head``: how far the room's archive goes; None if it has no batch."""

    def __init__(self, head: Position | None, description: str) -> None:
        super().__init__(description)
        self.head = head


class NotOurs(RoomError):
    mends_itself = False


class Refused(RoomError):
    mends_itself = False
