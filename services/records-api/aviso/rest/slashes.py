"""Addresses end with a slash."""

from __future__ import annotations

from django.http import HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware


class SlashMiddleware(CommonMiddleware):
    """Add the slash that an address lacks, by a redirect that keeps method and body."""

    class response_redirect_class(HttpResponsePermanentRedirect):  # noqa: N801 (Django's name)
        status_code = 308
