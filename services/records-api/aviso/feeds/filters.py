"""The parameters that name feeds: several, or by words of their names."""

from __future__ import annotations

import re

from django.http import QueryDict

from aviso.feeds.reading import MAX_HEADS
from aviso.names.slugs import is_slug
from aviso.problems import BadRequest, show

MAX_SOUGHT_CHARS = 100
MAX_WORDS = 8
_WORD = re.compile(r"[^\W_]+")


def read_sought(query: QueryDict) -> str:
    """Return the words that are sought in names of feeds; "" if none are."""
    text = query.get("q")
    if text is None:
        return ""
    is_few = 1 <= len(_WORD.findall(text)) <= MAX_WORDS
    if not is_few or len(text) > MAX_SOUGHT_CHARS or "\x00" in text:
        raise BadRequest(
            f"q is {show(text)}, expected 1 to {MAX_WORDS} words in at most"
            f" {MAX_SOUGHT_CHARS} characters",
            field="q",
        )
    return text


def read_slugs(query: QueryDict) -> list[str]:
    """Return the slugs in `feeds`, 1 to `MAX_HEADS` of them, each once."""
    slugs = query.get("feeds", "").split(",")
    if len(slugs) > MAX_HEADS:
        raise BadRequest(
            f"feeds has {len(slugs)} feeds, expected at most {MAX_HEADS}",
            field="feeds",
        )
    for slug in slugs:
        if not is_slug(slug):
            raise BadRequest(
                f"feeds has {show(slug)}, expected slugs with commas between",
                field="feeds",
            )
    return list(dict.fromkeys(slugs))
