"""What can go wrong in the relay, and whether trying again makes sense.

RelayError
├── DatabaseError
│   ├── DatabaseLostError           yes: the term ends, the next election begins
│   └── StatementRefusedError       yes, after a delay: the session lives
├── BrokerError
│   ├── BrokerUnavailableError      yes, after a delay: no connection, or it broke
│   ├── ChannelRefusedError         yes: the broker closed a channel; `code` says why
│   │   └── PublishingRefusedError  yes, but not with the message it was about
│   └── TopologyRefusedError        yes, after a delay: a person has to mend the broker
└── ParkedError                     never; a sentence for the person who asked
    ├── AlreadyHandledError         it was sent or dropped before
    └── RecordGoneError             there is nothing left to send
"""


class RelayError(Exception):
    """The root of the relay's own errors."""


class DatabaseError(RelayError):
    """PostgreSQL did not do what the term needs; it ends, and another one begins."""


class DatabaseLostError(DatabaseError):
    """A database session that the term needs is gone."""


class StatementRefusedError(DatabaseError):
    """PostgreSQL refused a statement, or gave it up: a constraint, a time limit.

    `state` is its SQLSTATE; a lock that was not given in time is worth another try.
    """

    def __init__(self, state: str, words: str) -> None:
        super().__init__(f"{state} {words}")
        self.state = state

    @property
    def is_over_a_lock(self) -> bool:
        return self.state == "55P03"


class BrokerError(RelayError):
    """RabbitMQ did not do what was asked."""


class BrokerUnavailableError(BrokerError):
    """No connection to RabbitMQ, or it broke."""


class ChannelRefusedError(BrokerError):
    """The broker closed a channel; what was under way on it is unsettled."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class PublishingRefusedError(ChannelRefusedError):
    """The broker closed the channel that publishes."""

    @property
    def is_over_a_message(self) -> bool:
        """Tell whether a message was the reason, not a missing exchange or right.

        RabbitMQ answers 406 to a message that is larger than it takes.
        """
        return self.code == 406


class TopologyRefusedError(BrokerError):
    """An exchange or a queue exists with other arguments, or may not be made."""


class ParkedError(RelayError):
    """What was asked of a parked event can't be done; the message says why."""


class AlreadyHandledError(ParkedError):
    """The parked event was sent or dropped before; `state` says which."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


class RecordGoneError(ParkedError):
    """The record does not exist as the parked event would have to tell it."""
