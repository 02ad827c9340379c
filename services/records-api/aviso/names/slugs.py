"""Slugs, the names of feeds."""

from __future__ import annotations

import re

from django.core.validators import RegexValidator

SLUG_PATTERN = r"[a-z0-9-]{1,64}"

SLUG_VALIDATOR = RegexValidator(
    rf"^{SLUG_PATTERN}\Z",
    "A slug is 1 to 64 of the characters a-z, 0-9 and the hyphen.",
)


def is_slug(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(SLUG_PATTERN, value))
