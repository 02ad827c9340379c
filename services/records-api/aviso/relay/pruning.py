"""Pruning of published events: which may go, and how a batch of them goes.

What is pruned is always the beginning of a feed: everything from its oldest kept event
on is there. An event stays, and with it whatever follows in its feed, while

- it has no sequence, or the broker has not confirmed it, however old it is;
- the broker's confirm is younger than the retention;
- it is parked and nobody has decided about it: to send it again takes its row;
- it is the newest of its feed, which is shown again after each loss of the broker.
"""

from __future__ import annotations

# One batch is one short transaction, on rows that no writer ever touches.
BATCH = 500

# The feeds that have something to prune, and how far was looked: one look into an
# index a feed. `after` is the last feed of the look before, "" at first.
FIND_FEEDS = """
WITH heads AS (
    SELECT feed, sequence FROM aviso.feed_heads
    WHERE feed > %(after)s ORDER BY feed LIMIT %(limit)s
)
SELECT heads.feed, coalesce(oldest.sequence < heads.sequence
    AND oldest.published_at < clock_timestamp() - make_interval(days => %(days)s),
    false)
FROM heads LEFT JOIN LATERAL (
    SELECT sequence, published_at FROM aviso.events
    WHERE events.feed = heads.feed AND sequence > 0 ORDER BY sequence LIMIT 1
) AS oldest ON true
ORDER BY heads.feed
"""

# From the oldest on, as far as each may go. They are locked and looked at again: one
# may have been asked for meanwhile, and then has no mark any more.
_DOOMED = """
WITH waiting AS MATERIALIZED (
    SELECT event_id FROM aviso.parked_events
    WHERE state IN ('parked', 'sending') AND event_id IS NOT NULL
), oldest AS (
    SELECT number, sequence, id, published_at FROM aviso.events
    WHERE feed = %(feed)s AND sequence > 0
        AND sequence < (SELECT sequence FROM aviso.feed_heads WHERE feed = %(feed)s)
    ORDER BY sequence LIMIT %(limit)s
), judged AS (
    SELECT number, bool_and(
        coalesce(published_at < clock_timestamp() - make_interval(days => %(days)s),
            false)
        AND id NOT IN (SELECT event_id FROM waiting)) OVER (ORDER BY sequence) AS may_go
    FROM oldest
), locked AS MATERIALIZED (
    SELECT events.number, events.sequence, events.published_at
    FROM judged JOIN aviso.events USING (number) WHERE may_go
    ORDER BY events.sequence FOR UPDATE OF events
), doomed AS (
    SELECT number FROM (
        SELECT number,
            bool_and(published_at IS NOT NULL) OVER (ORDER BY sequence) AS may_go
        FROM locked
    ) AS again WHERE may_go
)
"""

# A pruned `created` event leaves what it takes to answer the same write again
# (records/creation.py), in the same transaction.
PRUNE = f"""
{_DOOMED}, gone AS (
    DELETE FROM aviso.events USING doomed WHERE events.number = doomed.number
    RETURNING events.number, feed, type, subject, sequence, record_version,
        record_created_at, record_updated_at, record_data
), kept AS (
    INSERT INTO aviso.first_states (subject, feed, record_version, record_created_at,
        record_updated_at, data_sha256)
    SELECT DISTINCT ON (subject) subject, feed, record_version, record_created_at,
        record_updated_at, sha256(convert_to(record_data::text, 'UTF8'))
    FROM gone WHERE type = 'created' ORDER BY subject, number
    ON CONFLICT (subject) DO NOTHING
)
SELECT count(*), coalesce(max(sequence), 0) FROM gone
"""

# The same judgement over the whole feed, for looking before anything is done. The
# inner look ends at the first event that stays.
COUNT = """
SELECT count(*) FROM aviso.events
WHERE feed = %(feed)s AND sequence > 0 AND sequence < (
    SELECT sequence FROM aviso.events AS first
    WHERE feed = %(feed)s AND sequence > 0 AND (
        published_at IS NULL
        OR published_at >= clock_timestamp() - make_interval(days => %(days)s)
        OR sequence = (SELECT sequence FROM aviso.feed_heads WHERE feed = %(feed)s)
        OR id IN (SELECT event_id FROM aviso.parked_events
            WHERE state IN ('parked', 'sending') AND event_id IS NOT NULL))
    ORDER BY sequence LIMIT 1)
"""

# What a feed still has begins here; null where it has nothing, or another epoch.
FIND_OLDEST = """
SELECT min(sequence) FROM aviso.events WHERE feed = (
    SELECT slug FROM aviso.feeds WHERE slug = %(feed)s AND epoch = %(epoch)s)
"""
