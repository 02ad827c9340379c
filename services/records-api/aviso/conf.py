"""Aviso's settings: AVISO_… in Django's settings, else in the environment.

Both know a setting by the same name, and read it as strictly. What has no default is
asked for where it is used, so that a project which only tracks its models needs none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

from aviso.environment import Environment, Network

# Loopback, and the private networks that containers are given.
_PROXIES = "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
MOST_REQUESTS = 10**9


class _Given(Mapping[str, str]):
    """What was given, as text: Django's settings before the environment."""

    def __getitem__(self, name: str) -> str:
        value: Any = getattr(settings, name, None)
        if value is None:
            return os.environ[name]
        if isinstance(value, Iterable) and not isinstance(value, str):
            return ",".join(map(str, value))
        return str(value)

    def __iter__(self) -> Iterator[str]:
        return iter({name for name in os.environ if name.startswith("AVISO_")})

    def __len__(self) -> int:
        return sum(1 for _ in self)


given = Environment(_Given())


class _Settings:
    """Each one is read when it is asked for; SettingError names what is wrong."""

    @property
    def public_url(self) -> str:
        """The origin of Aviso's page and API; links start with it."""
        origin = given.origin("AVISO_PUBLIC_URL")
        return f"{origin.scheme}://{origin.netloc}"

    @property
    def ticket_secret(self) -> str:
        """Signs tickets (contracts/README.md, Tokens); ejabberd has the same."""
        return given.secret("AVISO_TICKET_SECRET", min_chars=32)

    @property
    def xmpp_domain(self) -> str:
        return given.domain("AVISO_XMPP_DOMAIN", "localhost")

    @property
    def xmpp_guest_domain(self) -> str:
        return given.domain("AVISO_XMPP_GUEST_DOMAIN", f"guest.{self.xmpp_domain}")

    @property
    def xmpp_rooms_domain(self) -> str:
        return given.domain("AVISO_XMPP_ROOMS_DOMAIN", f"feeds.{self.xmpp_domain}")

    @property
    def xmpp_ticket_domain(self) -> str:
        return given.domain("AVISO_XMPP_TICKET_DOMAIN", f"ticket.{self.xmpp_domain}")

    @property
    def registration(self) -> str:
        """What clients are told of it; ejabberd is what decides."""
        choices = ["open", "limited", "closed"]
        return given.choice("AVISO_REGISTRATION", "open", choices)

    # Requests a minute; 0 is no limit. A page asks twice for each feed when it opens,
    # and many pages may stand behind one address.
    @property
    def throttle_key(self) -> int:
        return given.integer("AVISO_THROTTLE_KEY", 60000, low=0, high=MOST_REQUESTS)

    @property
    def throttle_address(self) -> int:
        return given.integer("AVISO_THROTTLE_ADDRESS", 20000, low=0, high=MOST_REQUESTS)

    @property
    def trusted_proxies(self) -> tuple[Network, ...]:
        """Whose X-Forwarded-For is believed."""
        return _parse_networks(given.text("AVISO_TRUSTED_PROXIES", _PROXIES))

    def check(self) -> None:
        """Raise SettingError if one of those that have a default is wrong."""
        for name, member in vars(type(self)).items():
            if isinstance(member, property) and name not in _WITHOUT_DEFAULT:
                getattr(self, name)


_WITHOUT_DEFAULT = {"public_url", "ticket_secret"}
conf = _Settings()


@lru_cache(maxsize=8)
def _parse_networks(text: str) -> tuple[Network, ...]:
    name = "AVISO_TRUSTED_PROXIES"
    return tuple(Environment({name: text}).networks(name, text))
