"""What can go wrong with RabbitMQ, and whether trying again makes sense.

BrokerError
├── BrokerUnavailableError      yes, after a delay: no connection, or it broke
├── NotConfirmedError           yes: the broker may or may not have the message
├── ChannelRefusedError         yes: the broker closed a channel; `code` says why
│   └── PublishingRefusedError  yes, but not with the message it was about
└── TopologyMissingError        yes, after a delay: a person has to load definitions
"""


class BrokerError(Exception):
    """RabbitMQ did not do what was asked."""


class BrokerUnavailableError(BrokerError):
    """No connection to RabbitMQ, or it broke."""


class NotConfirmedError(BrokerError):
    """The broker did not take a message into a queue, or nobody knows whether."""


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


class TopologyMissingError(BrokerError):
    """RabbitMQ lacks an exchange or a queue. `kind`: one of these two words."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"RabbitMQ has no {kind} {name!r}: load deploy/rabbitmq/definitions.json"
            " into it, as the README beside that file says"
        )
        self.kind = kind
        self.name = name
