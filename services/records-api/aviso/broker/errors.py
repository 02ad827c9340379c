"""What can go wrong with RabbitMQ, and whether trying again makes sense.

BrokerError
├── BrokerUnavailableError      yes, after a delay: no connection, or it broke
├── ChannelRefusedError         yes: the broker closed a channel; `code` says why
│   └── PublishingRefusedError  yes, but not with the message it was about
└── TopologyRefusedError        yes, after a delay: a person has to mend the broker
"""


class BrokerError(Exception):
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
