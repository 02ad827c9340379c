"""The limits of requests a minute: of each key, each reader, each address without one.

A valid key or token is counted by itself alone: who shares an address with somebody
who sends wrong ones is not kept out with them. Guessing is hopeless anyway (222 bits),
so that the limit of addresses is there for the work that they make. A reader has the
limit of an address. Staff are not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from aviso.access.addresses import address_of
from aviso.access.models import ApiKey
from aviso.access.quotas import quotas
from aviso.access.tokens import TokenReader
from aviso.conf import conf
from aviso.problems import TooManyRequests

if TYPE_CHECKING:  # the framework's views import this module
    from rest_framework.views import APIView


class CallerThrottle(BaseThrottle):
    """Raises TooManyRequests itself: the framework's answer has no text of ours."""

    def allow_request(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 (its signature)
        if isinstance(request.auth, ApiKey):
            _take(f"key:{request.auth.id}", conf.throttle_key, "This key")
        elif isinstance(request.auth, TokenReader):
            _take(f"reader:{request.auth.jid}", conf.throttle_address, "This reader")
        elif not request.user.is_authenticated:
            count_address(request)
        return True


def count_address(request: HttpRequest | Request) -> None:
    """Raise TooManyRequests if the request's address is over its limit."""
    address = address_of(request)
    _take(f"address:{address}", conf.throttle_address, "This address")


def _take(caller: str, limit: int, who: str) -> None:
    wait_s = quotas.take(caller, limit)
    if wait_s:
        raise TooManyRequests(
            f"{who} has sent more than {limit} requests in this minute:"
            f" try again in {wait_s} s",
            headers={"Retry-After": str(wait_s)},
        )
