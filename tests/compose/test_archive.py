"""The archive in the container's ejabberd, which is newer than the native one."""

import pytest
from integration.api import Api
from integration.page import FeedPage

from .stack import ComposeStack
from .test_journey import write_until_accepted

pytestmark = pytest.mark.timeout(600)

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

    as_ejabberd = ("psql", "--username=postgres", "--dbname=ejabberd")
    answer = stack.compose(
        *("exec", "-T", "postgres", *as_ejabberd, "--tuples-only", "--no-align"),
        f"--command={_HEAD}",
    )

    assert answer.strip() == "t"
