"""The archive in the container's ejabberd, which is newer than the native one."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from integration.api import Api
from integration.page import FeedPage
from integration.waiting import until

from .stack import REPOSITORY, ComposeStack
from .test_journey import write_until_accepted

pytestmark = pytest.mark.timeout(600)

_SPOILED = "aviso-test-spoiled"
_ALIVE_S = 90
_METRICS = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8090/metrics").read().decode())
"""
_COUNT = "SELECT count(*) FROM archive WHERE username LIKE 'demo@%'"
# The newest row is the head's, and has the column that only the newer schema has.
_HEAD = """
SELECT a.origin_id = h.archive_id::text AND h.archive_id = (
    SELECT max(timestamp) FROM archive WHERE username = h.room)
FROM room_heads AS h
JOIN archive AS a ON a.username = h.room AND a.timestamp = h.archive_id
WHERE h.room LIKE 'demo@%'
"""


def test_batches_are_archived_by_the_module_that_keeps_their_order(
    stack: ComposeStack, api: Api, page: FeedPage
) -> None:
    page.wait_for_record(write_until_accepted(api, {"archived": True}))

    assert ask(stack, _HEAD) == "t"


def crash_inside(source: str) -> str:
    return source.replace("El = xmpp:encode(Packet),", "El = error(crash),")


def crash_outside(source: str) -> str:
    """The first hook is not even there, as a module that was half taken away."""
    return source.replace("muc_filter_message, 10)", "nothing_of_that_name, 10)")


@pytest.mark.parametrize("spoil", [crash_inside, crash_outside])
def test_a_hook_that_crashes_refuses_and_all_comes_when_it_is_whole(
    stack: ComposeStack,
    api: Api,
    page: FeedPage,
    tmp_path: Path,
    spoil: Callable[[str], str],
) -> None:
    page.wait_for_record(write_until_accepted(api, {"before": "the crash"}))
    archived = ask(stack, _COUNT)

    with spoiled(stack, tmp_path, spoil):
        record = write_until_accepted(api, {"to": "a hook that crashes"})
        doubts = count_doubts(stack)
        until(lambda: count_doubts(stack) >= doubts + 3, "three refusals", _ALIVE_S)
        assert ask(stack, _COUNT) == archived

    page.wait_for_record(record, _ALIVE_S)
    assert int(ask(stack, _COUNT)) == int(archived) + 1


@contextmanager
def spoiled(
    stack: ComposeStack, folder: Path, spoil: Callable[[str], str]
) -> Iterator[None]:
    """Have ejabberd's container run another mod_feed_archive."""
    context = folder / "ejabberd"
    shutil.copytree(REPOSITORY / "deploy/ejabberd", context)
    module = context / "mod_feed_archive.erl"
    whole = module.read_text()
    module.write_text(spoil(whole))
    assert module.read_text() != whole
    docker("build", "--quiet", "--tag", _SPOILED, str(context))
    try:
        with stack.other_ejabberd(folder, {"image": _SPOILED}):
            yield
    finally:
        docker("image", "rm", _SPOILED)


def count_doubts(stack: ComposeStack) -> float:
    """How often the pusher has had to try again."""
    told = stack.compose("exec", "-T", "pusher", "python3", "-c", _METRICS)
    counts = re.findall(r"^aviso_pusher_retries_total\{.*\} (\S+)$", told, re.M)
    return sum(map(float, counts))


def ask(stack: ComposeStack, statement: str) -> str:
    """Ask ejabberd's database."""
    as_ejabberd = ("psql", "--username=postgres", "--dbname=ejabberd")
    plainly = ("--quiet", "--tuples-only", "--no-align")
    return stack.compose(
        *("exec", "-T", "postgres", *as_ejabberd, *plainly), f"--command={statement}"
    ).strip()


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=300)
