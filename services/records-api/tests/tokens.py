"""Tokens as others would make them: ejabberd's, and ones that nobody should take."""

from __future__ import annotations

import time
from typing import Any

import jwt
from django.conf import settings

from tests.api import Api


def sign(claims: dict[str, Any], *, key: str | None = None, **options: Any) -> str:
    secret = settings.AVISO_TICKET_SECRET if key is None else key
    return jwt.encode(claims, secret, **{"algorithm": "HS256", **options})


def account_claims(name: str = "ada@localhost", **more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"sub": name, "iat": now, "exp": now + 600, "jti": "x", **more}


def account(name: str = "ada@localhost") -> Api:
    return Api(sign(account_claims(name)))


def ticket(*feeds: str, holder: str = "u-17") -> Api:
    claims = account_claims(f"{holder}@ticket.localhost", feeds=list(feeds))
    return Api(sign(claims))
