"""The parameters that name feeds: several, or how their slugs begin."""

from __future__ import annotations

from django.http import QueryDict

from aviso.feeds.reading import MAX_HEADS
from aviso.names.slugs import is_slug
from aviso.problems import BadRequest, show


def read_beginning(query: QueryDict) -> str:
    """Return the beginning of slugs that is asked for; "" if none is."""
    text = query.get("q")
    if text is None:
        return ""
    if not is_slug(text):
        raise BadRequest(
            f"q is {show(text)}, expected 1 to 64 of the characters a-z, 0-9 and"
            " the hyphen",
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
