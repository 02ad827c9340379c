"""When the relay looks into the queue: woken, polling, or asleep.

A notice in a writer's transaction makes commits wait for each other, all over the
server and for as long as the disk takes. So writers give one only to a relay that
sleeps. What tells them is an advisory lock, K:

- the relay holds K alone while it sleeps;
- a writer, after its row in the queue, tries to share K until its transaction ends
  (`aviso.waking_code`; it never waits); it notifies if it can't.

**Nothing is missed.** Take a writer's row that was committed, and the moment at which
its writer tried K.

1. The relay did not hold K then. The writer shares it until its end, and the relay
   can't take K before. Once it has K it looks once more before it waits, with a
   snapshot that is taken after the writer's end (PostgreSQL makes a transaction
   visible first and gives its locks away after that), and sees the row. If it never
   takes K, it polls, and sees the row at the next look.
2. The relay held K then. The writer notifies, and the notice comes with its commit. The
   relay listens before its first look. It looks at each notice.

A writer that tries K in a savepoint that is rolled back loses its share and its row at
once. The notices come by the connection that holds K: who loses it loses the term, and
the next one reads everything. And the sleeper looks each second all the same.

**Not woken for each event.** While the relay holds K every writer notifies, so a lone
event needs no poll at all: the relay looks, and goes on sleeping. Only when one
notice follows upon another does it give K back, and polls every 2 ms, backing off to
20 ms while it finds nothing; after 25 ms without a find it tries to take K again.
That is little more than what wakes it up: lone events, however long they go on, find it
asleep, and wait for no poll.

**Not looking for each event.** A look costs as much for one changeset as for ten, and
takes it from the writers if they share the server's cores. While each look finds many,
the next ones come later, 20 ms apart at most; while they come as a crowd, 100 ms.

**Not cold.** What has not run for some tens of milliseconds is in no cache near the
processor any more: the same look then takes 1.3 ms, and 0.5 just after another one. So
a sleeper that found something looks every 20 ms for a while. A notice brings it to the
next event as before, and these looks find nothing; without them records that come one
by one would each wait for a relay that has grown cold.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from aviso.outbox.connection import LOOK_INTERVAL_S, Connection, fetch

# In `aviso.waking_code` too.
SLEEP_KEY = int.from_bytes(b"aviso-2", "big")

POLL_S = 0.002
LONGEST_POLL_S = 0.02
# Two finds of a sleeper within so short a time are a busy writer.
BUSY_S = 0.02
QUIET_S = 0.025
# So often and for so long behind a find, a sleeper looks though nobody calls.
WARM_LOOK_S = 0.02
WARM_S = 0.25
# So many changesets in a look come faster than they are worth one each.
MANY = 5
# So many in a second cost more to be looked for than to be numbered. Not so many in a
# look: after one that came late that would be a crowd for good.
CROWD_A_S = 600
CROWD_POLL_S = 0.1


class Sleep:
    """Tells after each look when the next one is due, to whoever hears the notices."""

    def __init__(
        self, connection: Connection, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._poll_s = POLL_S
        self._found_at = clock()
        self._tried_at = clock()
        self._looked_at = clock()
        self.is_asleep = False

    async def next_look_s(self, *, found: int) -> float:
        """Return in how many seconds to look again, unless a notice comes before.

        `found` tells how many changesets the look that is just over found.
        """
        now = self._clock()
        since_s, self._looked_at = now - self._looked_at, now
        if self.is_asleep:
            return await self._after_a_look_in_sleep(found=found > 0)
        if found:
            self._found_at = now
            is_crowd = found >= CROWD_A_S * since_s
            longest_s = CROWD_POLL_S if is_crowd else LONGEST_POLL_S
            longer_s = min(longest_s, 2 * self._poll_s)
            self._poll_s = longer_s if found >= MANY else POLL_S
            return self._poll_s
        quiet_s = now - max(self._found_at, self._tried_at)
        if quiet_s >= QUIET_S and await self.fall_asleep():
            return 0.0
        self._poll_s = min(LONGEST_POLL_S, 1.5 * self._poll_s)
        return self._poll_s

    async def fall_asleep(self) -> bool:
        """Try to take K. The caller has to look once more before it waits."""
        self._tried_at = self._clock()
        ((is_taken,),) = await fetch(
            self._connection, "SELECT pg_try_advisory_lock(%s)", (SLEEP_KEY,)
        )
        self.is_asleep = bool(is_taken)
        return self.is_asleep

    async def wake_up(self) -> None:
        await fetch(self._connection, "SELECT pg_advisory_unlock(%s)", (SLEEP_KEY,))
        self.is_asleep = False

    async def _after_a_look_in_sleep(self, *, found: bool) -> float:
        now = self._clock()
        if found:
            since_s, self._found_at = now - self._found_at, now
            if since_s < BUSY_S:
                await self.wake_up()
                self._poll_s = POLL_S
                return POLL_S
        is_warm = now - self._found_at < WARM_S
        return WARM_LOOK_S if is_warm else LOOK_INTERVAL_S
