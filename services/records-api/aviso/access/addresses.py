"""The address that a request came from, as far as it can be believed.

The web server in front writes it into X-Forwarded-For: the gateway replaces what the
client sent there, others add to its end. So the last one counts, and only when the
web server says it: a peer out of AVISO_TRUSTED_PROXIES.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from django.http import HttpRequest

from aviso.conf import conf

if TYPE_CHECKING:
    from rest_framework.request import Request

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What one subscriber is given at the least; within it, addresses are free to change.
_IPV6_PREFIX = 64


def address_of(request: HttpRequest | Request) -> str:
    """Return the caller's address; of IPv6 the network's, "" when there is none."""
    peer = _parse(request.META.get("REMOTE_ADDR", ""))
    if peer is None or not any(peer in net for net in conf.trusted_proxies):
        return _name(peer)
    told = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2]
    return _name(_parse(told) or peer)


def _parse(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _name(address: _Address | None) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        whole = ipaddress.ip_network((address, _IPV6_PREFIX), strict=False)
        return str(whole.network_address)
    return "" if address is None else str(address)
