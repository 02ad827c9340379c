"""The environment, read once at the start; everybody else gets values.

Whatever is wrong or missing is named, and the pusher does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import SettingsError


@dataclass(frozen=True)
class Settings:
    amqp_url: str = field(repr=False)
    queues: int
    prefetch: int
    xmpp_host: str
    xmpp_port: int
    xmpp_jid: str
    xmpp_password: str = field(repr=False)
    xmpp_tls: bool
    rooms_domain: str
    ticket_domain: str
    bind_host: str
    bind_port: int
    room_lease_s: int
    max_rooms: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read every setting of the pusher.

    A secret may stand in a file instead, named by ``NAME_FILE``.
    Raises SettingsError, which names the variable, the value (never a secret's) and
    what was expected.
    """
    host, port = _address(environment, "AVISO_PUSHER_BIND", "127.0.0.1:8090")
    jid = _text(environment, "AVISO_XMPP_JID", "pusher@localhost")
    user, _, domain = jid.partition("@")
    if not user or not domain or "/" in jid:
        raise SettingsError(
            f"AVISO_XMPP_JID is {jid!r}, expected an address like pusher@localhost"
        )
    return Settings(
        amqp_url=_amqp_url(environment),
        queues=_number(environment, "AVISO_QUEUES", 2, 1, 256),
        # 0 would mean "no bound at all".
        prefetch=_number(environment, "AVISO_PUSHER_PREFETCH", 200, 1, 65_535),
        xmpp_host=_text(environment, "AVISO_XMPP_HOST", "127.0.0.1"),
        xmpp_port=_number(environment, "AVISO_XMPP_PORT", 5222, 1, 65_535),
        xmpp_jid=jid,
        xmpp_password=_secret(environment, "AVISO_XMPP_PASSWORD"),
        xmpp_tls=_switch(environment, "AVISO_XMPP_TLS"),
        rooms_domain=_text(environment, "AVISO_XMPP_ROOMS_DOMAIN", f"feeds.{domain}"),
        ticket_domain=_text(
            environment, "AVISO_XMPP_TICKET_DOMAIN", f"ticket.{domain}"
        ),
        bind_host=host,
        bind_port=port,
        room_lease_s=_number(environment, "AVISO_PUSHER_ROOM_LEASE_S", 600, 1, 86_400),
        max_rooms=_number(environment, "AVISO_PUSHER_ROOMS", 5_000, 1, 1_000_000),
    )


def _text(environment: Mapping[str, str], name: str, default: str) -> str:
    return environment.get(name, "").strip() or default


def _number(
    environment: Mapping[str, str], name: str, default: int, low: int, high: int
) -> int:
    text = _text(environment, name, str(default))
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise SettingsError(
            f"{name} is {text!r}, expected an integer from {low} to {high}"
        )
    return int(text)


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = _text(environment, name, "off")
    if text not in ("on", "off"):
        raise SettingsError(f"{name} is {text!r}, expected 'on' or 'off'")
    return text == "on"


def _secret(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    path = environment.get(f"{name}_FILE", "")
    if value and path:
        raise SettingsError(f"{name} and {name}_FILE are both set, expected one")
    if path:
        try:
            value = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name}_FILE is {path!r}: {error}") from error
    if not value:
        raise SettingsError(f"{name} is not set, and neither is {name}_FILE")
    return value


def _amqp_url(environment: Mapping[str, str]) -> str:
    url = _secret(environment, "AVISO_AMQP_URL")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("amqp", "amqps") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        good = False
    if not good:
        raise SettingsError(
            "AVISO_AMQP_URL is no URL like amqp://user:password@host:5672/vhost"
        )
    return url


def _address(
    environment: Mapping[str, str], name: str, default: str
) -> tuple[str, int]:
    text = _text(environment, name, default)
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise SettingsError(f"{name} is {text!r}, expected host:port")
    return host.strip("[]"), int(port)
