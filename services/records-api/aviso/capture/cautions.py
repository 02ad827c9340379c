"""What somebody should know before a table is tracked, though nothing forbids it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aviso.capture.candidates import find_declaring_model
from aviso.capture.models import Tracked
from aviso.capture.tables import Survey, Wish, find_unasked
from aviso.feeds.models import Feed

_SECRETS = re.compile(r"passw|secret|token|api_?key|credential|private_?key|session")
_PATTERN = re.compile(r"(.*)\{.+\}(.*)")


def find_cautions(
    wish: Wish, survey: Survey | None, tracked: Tracked | None
) -> list[str]:
    """Return sentences; `survey` is None where counting took too long.

    Raises TableError.
    """
    return [
        *_caution_of_tracking(wish, tracked),
        *_caution_of_reading(wish),
        *(_caution_of_rows(wish, survey) if survey is not None else ()),
    ]


def _caution_of_tracking(wish: Wish, tracked: Tracked | None) -> Iterator[str]:
    if tracked is not None and tracked.feed == wish.feed:
        yield (
            f"It is tracked already. Its feed is emptied on every page, and all of its"
            f" rows are told anew, as {wish.feed}."
        )
    elif tracked is not None:
        yield (
            f"It is tracked already, as {tracked.feed}. That ends: what was told there"
            " stays, and nothing follows."
        )
    model = find_declaring_model(wish.table)
    if model is not None:
        yield (
            f"The model {model} declares its feed in the project's code. What is said"
            " here differs from it, until a migration says otherwise: manage.py check"
            " calls it drift."
        )
    if wish.on_truncate == "refuse":
        yield (
            "TRUNCATE of the table fails from now on. Tests that empty tables so, as"
            " Django's TransactionTestCase, need it."
        )


def _caution_of_reading(wish: Wish) -> Iterator[str]:
    others = _find_other_visibility(wish)
    if others:
        yield (
            f"The feed {others[0].slug} is there already and stays"
            f" {others[0].visibility}: change that on its own page."
        )
    elif wish.visibility == "public":
        yield "Public: everybody may read all of this, without logging in."
    for sentence in find_unasked(wish):
        yield f"{sentence[0].upper()}{sentence[1:]}."
    secrets = [name for name in wish.columns if _SECRETS.search(name.lower())]
    if secrets:
        yield (
            f"By its name a secret: {', '.join(secrets)}. Whoever reads the feed"
            " reads it, and it stays in the log and in the archive."
        )


def _caution_of_rows(wish: Wish, survey: Survey) -> Iterator[str]:
    if not survey.rows and survey.unmatched:
        yield "Not one of the rows matches the where."
    if survey.unavailable:
        yield (
            f"{survey.unavailable:,} of the rows are larger than 64 KiB, or have a"
            " value without a form: their place is told, and not what is in them."
        )
    if survey.nameless:
        yield f"Of {survey.nameless:,} rows nobody can say the feed: they are not told."
    if len(survey.feeds) > wish.max_feeds:
        yield (
            f"There are {len(survey.feeds):,} feeds already, and may be"
            f" {wish.max_feeds:,}: rows of the others are not told."
        )


def _find_other_visibility(wish: Wish) -> list[Feed]:
    feeds = Feed.objects.exclude(visibility=wish.visibility).defer("schema")
    if parts := _PATTERN.fullmatch(wish.feed):
        found = feeds.filter(slug__startswith=parts[1], slug__endswith=parts[2])
    else:
        found = feeds.filter(slug=wish.feed)
    return list(found.order_by("slug")[:1])
