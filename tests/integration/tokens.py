"""JSON Web Tokens made by hand (RFC 7519), the wrong ones too."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def make_token(secret: str, claims: dict[str, Any], algorithm: str = "HS256") -> str:
    """Sign `claims`; a claim that is None is left out. `none` signs with nothing."""
    kept = {name: value for name, value in claims.items() if value is not None}
    signed = f"{_encode({'alg': algorithm, 'typ': 'JWT'})}.{_encode(kept)}"
    if algorithm == "none":
        return f"{signed}."
    digest = hmac.digest(secret.encode(), signed.encode(), _HASHES[algorithm])
    return f"{signed}.{_encode_bytes(digest)}"


def make_ticket(
    secret: str, jid: str, feeds: list[str] | None, *, lasts_s: float = 600, **more: Any
) -> str:
    """A ticket as records-api makes it (contracts/README.md)."""
    now = int(time.time())
    claims = {
        "sub": jid,
        "feeds": feeds,
        "iat": now,
        "exp": int(now + lasts_s),
        "jti": str(uuid.uuid4()),
    }
    return make_token(secret, claims | more)


def read_claims(token: str) -> dict[str, Any]:
    """What a token says, whoever signed it."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def _encode(value: object) -> str:
    return _encode_bytes(json.dumps(value).encode())


def _encode_bytes(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
