"""The memory that each container may take is enough for what its part has to carry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from integration.api import Api, new_slug
from integration.waiting import until

from .stack import ComposeStack

pytestmark = pytest.mark.timeout(900)

FEEDS = 20
OF_EACH = 50
ROWS = 20_000
READERS = 8
ARCHIVED_S = 300
# A record holds 64 KiB at most, its braces and names included. Random: it hardly
# becomes shorter on its way. Of `n`, so that each row has another.
_LARGE = """
INSERT INTO records (feed, data) SELECT feed, jsonb_build_object('text', (
    SELECT string_agg(md5(random() || ' ' || n * g), '')
    FROM generate_series(1, 2040) AS g))
FROM unnest('{%s}'::text[]) AS feed, generate_series(1, %d) AS n"""
_ROWS = (
    "INSERT INTO records (feed, data)"
    " SELECT '%s', jsonb_build_object('n', n) FROM generate_series(1, %d) AS n"
)
_ANNOUNCED = (
    "SELECT count(*) FROM feeds WHERE announced_at IS NOT NULL AND slug = ANY('{%s}')"
)
# The first hierarchy of control groups, and the second: whichever is there.
_KILLED = "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events"
_MOST = "cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes /sys/fs/cgroup/memory.peak"
_HELD = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max"


@pytest.fixture(autouse=True)
def within_limits(stack: ComposeStack) -> Iterator[None]:
    """No process is killed for its memory, and no part starts again by itself."""
    before = restarts(stack)
    yield
    print({part: read_mib(stack, part, _MOST) for part in sorted(before)})
    assert restarts(stack) == before
    killed = {part: count_killed(stack, part) for part in before}
    assert killed == dict.fromkeys(before, 0)


def test_each_part_is_limited(stack: ComposeStack) -> None:
    limits = {part: read_mib(stack, part, _HELD) for part in restarts(stack)}

    assert {part: mib for part, mib in limits.items() if mib > 1024} == {}


def test_a_thousand_large_events_wait_for_ejabberd_and_are_read(
    stack: ComposeStack, api: Api
) -> None:
    feeds = [new_slug("large") for _ in range(FEEDS)]
    for each in feeds:
        api.create_feed(each)
    wait_until_announced(stack, feeds)

    stack.compose("stop", "ejabberd")
    try:
        ask(stack, "aviso", _LARGE % (",".join(feeds), OF_EACH))
        until(lambda: count_unacked(stack) >= FEEDS, "each feed's first to be sent", 60)
        with ThreadPoolExecutor(READERS) as pool:
            read = list(pool.map(lambda each: read_all(stack, each), feeds))
    finally:
        stack.compose("start", "ejabberd")

    assert read == [OF_EACH] * FEEDS
    for each in feeds:
        wait_until_archived(stack, each, OF_EACH)


def test_many_rows_of_one_statement_are_sent_and_sent_again(
    stack: ComposeStack, api: Api
) -> None:
    feed = new_slug("many")
    api.create_feed(feed)
    wait_until_announced(stack, [feed])

    ask(stack, "aviso", _ROWS % (feed, ROWS))
    wait_until_archived(stack, feed, ROWS)
    stack.compose(
        *("exec", "-T", "records-api", "python3", "manage.py"),
        *("republish", feed, "--from", "1"),
    )

    api.write(feed, {"n": ROWS + 1})
    wait_until_archived(stack, feed, ROWS + 1)


def wait_until_announced(stack: ComposeStack, feeds: list[str]) -> None:
    question = _ANNOUNCED % ",".join(feeds)
    until(
        lambda: int(ask(stack, "aviso", question)) == len(feeds),
        "the feeds' rooms",
        ARCHIVED_S,
    )


def wait_until_archived(stack: ComposeStack, feed: str, sequence: int) -> None:
    question = f"SELECT last FROM feed_head('localhost', '{feed}@feeds.localhost')"
    until(
        lambda: int(ask(stack, "ejabberd", question) or 0) >= sequence,
        f"the archive of {feed}",
        ARCHIVED_S,
    )


def read_all(stack: ComposeStack, feed: str) -> int:
    """The events that REST has of a feed, all of them read."""
    with closing(Api(stack.url, stack.setting("AVISO_API_KEY"))) as api:
        return len(api.all_events(feed))


def count_unacked(stack: ComposeStack) -> int:
    told = stack.compose(
        *("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "list_queues"),
        *("--no-table-headers", "messages_unacknowledged"),
    )
    return sum(int(line) for line in told.split())


def ask(stack: ComposeStack, database: str, statement: str) -> str:
    as_owner = (f"--username={database}", f"--dbname={database}")
    plainly = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align")
    return stack.compose(
        *("exec", "-T", "postgres", "psql", *as_owner, *plainly),
        f"--command={statement}",
    ).strip()


def restarts(stack: ComposeStack) -> dict[str, int]:
    """How often Docker has started each part that is up again."""
    return {
        part: each["RestartCount"]
        for part, each in stack.containers().items()
        if each["State"]["Running"]
    }


def count_killed(stack: ComposeStack, part: str) -> int:
    """Its processes that the kernel has ended, also those that are not its first."""
    [count] = re.findall(r"^oom_kill (\d+)$", read(stack, part, _KILLED), re.M)
    return int(count)


def read_mib(stack: ComposeStack, part: str, command: str) -> int:
    return int(read(stack, part, command)) // 1024**2


def read(stack: ComposeStack, part: str, command: str) -> str:
    told = stack.compose("exec", "-T", part, "sh", "-c", f"{command} 2>/dev/null; true")
    return told.strip()
