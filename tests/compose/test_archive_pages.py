"""No query of a room's archive counts the whole room, in the container's ejabberd.

A page's `count` shows what ejabberd has counted for it.
"""

from __future__ import annotations

from contextlib import closing

import pytest
from integration.api import Api, new_slug
from integration.test_archive_pages import Reader
from integration.waiting import until
from integration.xmpp_socket import XmppSocket

from .stack import ComposeStack

pytestmark = pytest.mark.timeout(900)

BATCHES, SIZE = 7, 2


def test_pages_are_the_archive_and_count_no_more(stack: ComposeStack, api: Api) -> None:
    feed = new_slug("archive-pages")
    api.create_feed(feed)
    with closing(XmppSocket(stack.port, "guest.localhost")) as guest:
        guest.log_in()
        reader = Reader(guest, f"{feed}@feeds.localhost")
        until(lambda: guest.join(reader.room, "reader").get("type") != "error", "in")
        for number in range(BATCHES):
            api.write(feed, {"n": number})
            until(lambda n=number: len(reader.ask().ids) > n, "the batch")
        ids = reader.ask("<max>250</max>").ids

        forward = read_all(reader, "after", -1)
        backward = read_all(reader, "before", 0)

    assert [each for page in forward for each in page] == ids
    assert [each for page in reversed(backward) for each in page] == ids


def read_all(reader: Reader, direction: str, last: int) -> list[list[str]]:
    """The ids of each page, from one end of the archive on."""
    pages: list[list[str]] = []
    place = "<before/>" if direction == "before" else ""
    while True:
        page = reader.ask(f"<max>{SIZE}</max>{place}")
        assert page.count <= SIZE + 1
        pages.append(page.ids)
        if page.is_complete:
            return pages
        place = f"<{direction}>{page.ids[last]}</{direction}>"
