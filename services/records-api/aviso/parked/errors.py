"""Why a parked event can't be handled as asked; trying again never helps.

ParkedError                 a sentence for the person who asked
├── AlreadyHandledError     it was sent or dropped before
└── RecordGoneError         there is nothing left to send
"""


class ParkedError(Exception):
    """What was asked of a parked event can't be done; the message says why."""


class AlreadyHandledError(ParkedError):
    """The parked event was sent or dropped before; `state` says which."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


class RecordGoneError(ParkedError):
    """The record does not exist as the parked event would have to tell it."""
