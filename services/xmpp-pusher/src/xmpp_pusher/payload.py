"""A batch's JSON as it travels, deflated or not: pure."""

from __future__ import annotations

import zlib


def inflate(payload: bytes, max_bytes: int) -> bytes:
    """Inflate RFC 1950; raises ValueError if it is broken, or longer than that."""
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(payload, max_bytes + 1)
    except zlib.error as error:
        raise ValueError("is not deflated as RFC 1950 says") from error
    if len(text) > max_bytes:
        raise ValueError(f"has more than {max_bytes} bytes inflated")
    if not inflater.eof or inflater.unused_data:
        raise ValueError("does not end where its deflated data does")
    return text
