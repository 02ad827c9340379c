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
        ├── NotArchived      the room spoke but did not archive: the same, later
        ├── NotOurs          the room is there and somebody else owns it: the same,
        │                    but a person has to mend it
        └── Refused          the room won't take this very stanza: another try would
                             not help

``mends_itself`` says whether trying again makes sense without a person.
A library's own exceptions stop in ``amqp.py`` and ``rooms.py``.
"""

from __future__ import annotations

from typing import ClassVar


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


class NotOurs(RoomError):
    mends_itself = False


class Refused(RoomError):
    mends_itself = False
