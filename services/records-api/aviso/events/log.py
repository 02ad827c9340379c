"""A run of a feed's events out of the log: the one query that knows where."""

from __future__ import annotations

# After `FROM … AS wanted (feed, after, amount, size_bytes)`: the next events of each
# `wanted` row, at most `amount`, and until their data passes `size_bytes`, but one at
# least. What was pruned is passed over. It reads the feed's places from the wanted one
# on and just the events that they lead to; a large changeset, of which `amount` wants a
# part, is not read through.
RUNS = """
CROSS JOIN LATERAL (
    SELECT greatest(wanted.after, pruned) AS after FROM aviso.feed_progress
    WHERE feed = wanted.feed
) AS kept
CROSS JOIN LATERAL (
    SELECT coalesce((
        SELECT first FROM aviso.places
        WHERE feed = wanted.feed AND first <= kept.after + 1
        ORDER BY first DESC LIMIT 1
    ), kept.after + 1) AS first
) AS lowest
CROSS JOIN LATERAL (
    SELECT aviso.event_id(changeset, place, time) AS id, feed, type, subject, reader,
        data, time, sequence, traceparent,
        sum(octet_length(data)) OVER (ORDER BY sequence) - octet_length(data)
            AS bytes_before
    FROM (
        SELECT e.*, part.first + e.place - 1 AS sequence
        FROM (
            SELECT first, changeset, place,
                least(size, wanted.amount - before)::bigint AS size
            FROM (
                SELECT *, sum(size) OVER (ORDER BY first) - size AS before
                FROM (
                    SELECT first, changeset,
                        greatest(1, kept.after + 2 - first) AS place,
                        last - greatest(first, kept.after + 1) + 1 AS size
                    FROM aviso.places
                    WHERE feed = wanted.feed AND first >= lowest.first
                        AND last > kept.after
                    ORDER BY first LIMIT wanted.amount
                ) AS cut
            ) AS counted
            WHERE before < wanted.amount
        ) AS part
        CROSS JOIN LATERAL (
            SELECT * FROM aviso.events
            WHERE changeset = part.changeset AND place >= part.place
                AND place < part.place + part.size
            ORDER BY place LIMIT part.size
        ) AS e
    ) AS numbered
) AS run
"""
# What a query selects of a run, in this order, to make an EventRow of a row.
EVENT_COLUMNS = (
    "run.id, run.feed, run.type, run.subject, run.reader, run.data, run.time,"
    " run.sequence, run.traceparent"
)
