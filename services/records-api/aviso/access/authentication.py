"""`Authorization: Bearer <key or token>` for Django REST framework, and in its OpenAPI.

A key is a program's; a token, a JSON Web Token, is a reader's and writes nothing.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from aviso.access.keys import PREFIX, find_key
from aviso.access.models import ApiKey
from aviso.access.throttling import count_address
from aviso.access.tokens import TokenReader, find_reader
from aviso.problems import Unauthorized


class KeyAuthentication(BaseAuthentication):
    def authenticate(
        self, request: Request
    ) -> tuple[AnonymousUser, ApiKey | TokenReader] | None:
        """Return who it is; None without the header, so that a session may speak."""
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "bearer":
            count_address(request)
            raise Unauthorized(
                f"Authorization has the scheme {scheme[:20]!r}, expected"
                " 'Bearer <key or token>'",
                field="Authorization",
            )
        found = _find(text.strip())
        if found is None:
            count_address(request)
            raise Unauthorized(
                "The key or token in Authorization is not valid: it is mistyped,"
                " revoked or expired",
                field="Authorization",
            )
        return AnonymousUser(), found

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 (its signature)
        return 'Bearer realm="aviso"'


def _find(text: str) -> ApiKey | TokenReader | None:
    return find_key(text) if text.startswith(PREFIX) else find_reader(text)


class KeyAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:  # noqa: ARG002 (its signature)
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "aviso_<public id>_<secret>, or a JSON Web Token",
        }
