"""Who a request is counted as: a key, a reader, an account of staff, or an address.

What a caller chooses himself, and may choose anew, names nobody.
"""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.request import Request

from aviso.access.addresses import address_of
from aviso.access.models import ApiKey
from aviso.access.tokens import TokenReader


def name_caller(request: HttpRequest | Request) -> str:
    """Name whoever has shown who he is, else his address. Asks for a session."""
    auth = getattr(request, "auth", None)
    if isinstance(auth, ApiKey):
        return f"key:{auth.id}"
    if isinstance(auth, TokenReader):
        return f"reader:{auth.jid}"
    # Files are answered before anyone has looked for a session.
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return f"staff:{user.pk}"
    return f"address:{address_of(request)}"


def is_stranger(request: HttpRequest | Request) -> bool:
    return name_caller(request).startswith("address:")
