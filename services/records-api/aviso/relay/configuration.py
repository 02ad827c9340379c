"""What the relay is told by its environment, read once at the start, strictly.

Only the relay and the `pipeline` command need these, so they are no part of Django's
settings: the REST processes start without a broker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from amqp_client.connection import read_parameters

from aviso.environment import Environment, SettingError

MOST_QUEUES = 64
MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Configuration:
    """The relay's own settings; the AMQP URL holds a password, so `repr` hides it."""

    amqp_url: str = field(repr=False)
    queues: int
    bind: tuple[str, int]
    retention_days: int = 0
    """How long published events stay; 0: for ever."""
    takes_broker: bool = False
    """Of another database that has no relay at work."""


def read_configuration(environment: Environment) -> Configuration:
    """Read AVISO_AMQP_URL, _QUEUES, _RELAY_BIND, _EVENT_RETENTION_DAYS, _TAKE_BROKER.

    Raises SettingError, naming the variable; its message never holds the URL.
    """
    return Configuration(
        amqp_url=_read_amqp_url(environment),
        queues=environment.integer("AVISO_QUEUES", 2, low=1, high=MOST_QUEUES),
        bind=environment.address("AVISO_RELAY_BIND", "127.0.0.1:8091"),
        retention_days=environment.integer(
            "AVISO_EVENT_RETENTION_DAYS", 0, low=0, high=MOST_DAYS
        ),
        takes_broker=environment.choice("AVISO_TAKE_BROKER", "no", ["no", "yes"])
        == "yes",
    )


def _read_amqp_url(environment: Environment) -> str:
    url = environment.secret("AVISO_AMQP_URL")
    try:
        parts = urlsplit(url)
        is_complete = bool(parts.hostname and parts.username and parts.password)
        _ = parts.port
    except ValueError as exc:
        raise SettingError("AVISO_AMQP_URL is no URL") from exc
    if parts.scheme not in {"amqp", "amqps"} or not is_complete:
        raise SettingError(
            "AVISO_AMQP_URL is not complete,"
            " expected amqp://user:password@host:port/vhost"
        )
    try:
        read_parameters(url, "")
    except ValueError as exc:
        raise SettingError(f"AVISO_AMQP_URL: {exc}") from exc
    return url
