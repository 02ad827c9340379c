"""One POST of records, from the drafts to the answer: all of it or nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from aviso.feeds.json_schemas import RecordRefused, check_all_data
from aviso.feeds.rendering import FeedRow
from aviso.problems import SchemaViolation
from aviso.records.bodies import Draft
from aviso.records.rendering import RecordRow, render_record
from aviso.records.writing.constraints import explain_refusal
from aviso.records.writing.creation import MadeMeanwhile, create_records
from aviso.records.writing.idempotency import Answer, WriteKey, write_once

# Two lists with the same ids in another order can block each other; PostgreSQL then
# ends one of them, and it goes through when it comes again. Not at once: on a busy
# machine it would have its ids before the other has woken up, and be ended once more.
_TRIES = 3
_FIRST_PAUSE_S = 0.1


def post_records(
    feed: FeedRow,
    drafts: Sequence[Draft],
    *,
    key: WriteKey | None,
    trace: str,
    locate: Callable[[RecordRow], str],
) -> Answer:
    """Store the drafts, or none, and return the answer, which a key keeps.

    `locate` gives the address of a record.
    """

    def write() -> Answer:
        check_drafts(feed, drafts)
        return _render(create_records(feed.slug, drafts, trace), drafts, locate)

    # A write that reads nothing back and can't be refused after its statement is that
    # one statement, and PostgreSQL makes a transaction of it without two ways more.
    is_one_statement = key is None and not any(draft.own_id for draft in drafts)
    try:
        return _try(lambda: write_once(key, write), in_transaction=not is_one_statement)
    except IntegrityError as exc:
        refusal = explain_refusal(exc, drafts)
        if refusal is None:
            raise
        raise refusal from exc


def check_drafts(feed: FeedRow, drafts: Sequence[Draft]) -> None:
    """Raise SchemaViolation at the first draft that the feed's schema refuses."""
    if feed.schema_text is None:
        return
    try:
        check_all_data((draft.data for draft in drafts), feed.schema_text)
    except RecordRefused as exc:
        draft = drafts[exc.index]
        raise SchemaViolation(
            f"data does not meet the feed's schema: {exc}",
            pointer=f"{draft.pointer}/data{exc.pointer}",
            index=draft.index,
        ) from exc


def _try(write: Callable[[], Answer], *, in_transaction: bool) -> Answer:
    # Somebody's transaction around this one must outlive a refusal: a savepoint.
    needs_atomic = in_transaction or connection.in_atomic_block
    for tried in range(_TRIES):
        try:
            with transaction.atomic() if needs_atomic else nullcontext():
                return write()
        except MadeMeanwhile:
            if tried == _TRIES - 1:
                raise
        except OperationalError as exc:
            if tried == _TRIES - 1 or not _was_ended_for_another(exc):
                raise
            _let_the_other_on(_FIRST_PAUSE_S * 2**tried)
    raise AssertionError("the last try returns or raises")


def _was_ended_for_another(exc: OperationalError) -> bool:
    return isinstance(exc.__cause__, DeadlockDetected | SerializationFailure)


def _let_the_other_on(longest_s: float) -> None:
    time.sleep(random.uniform(longest_s / 2, longest_s))  # noqa: S311 (jitter, no secret)


def _render(
    records: Sequence[RecordRow],
    drafts: Sequence[Draft],
    locate: Callable[[RecordRow], str],
) -> Answer:
    if drafts[0].index is not None:
        ids = ",".join(f'"{record.id}"' for record in records)
        return Answer(f'{{"ids":[{ids}]}}')
    record = records[0]
    return Answer(render_record(record), locate(record), record.etag)
