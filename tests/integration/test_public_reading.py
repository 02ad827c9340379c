"""What somebody without a key may read, and what is not even admitted to exist."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from .api import PROBLEM, Api, new_slug
from .chat import Chat, Refused
from .rooms import online_rooms
from .running import Stack
from .waiting import until


@pytest.fixture
def private_feed(api: Api, private_feed: str) -> str:
    """With a record in it."""
    api.write(private_feed, {"secret": 1})
    return private_feed


def test_a_guest_reads_a_public_feed_over_rest(
    api: Api, guest_api: Api, feed: str
) -> None:
    record = api.write(feed, {"n": 1})

    until(lambda: guest_api.head(feed) == 1, "the event to be numbered")
    one = guest_api.get(f"feeds/{feed}/records/{record['id']}/")
    listed = guest_api.get(f"feeds/{feed}/records/")["results"]
    events = guest_api.get(f"feeds/{feed}/events/?after=0")

    assert one == record
    assert listed == [record]
    assert (events["head"], len(events["events"])) == (1, 1)
    assert feed in slugs(guest_api)


@pytest.mark.parametrize("path", ["", "records/", "events/", "nothing/"])
def test_a_private_feed_looks_to_a_guest_like_none(
    path: str, guest_api: Api, private_feed: str
) -> None:
    answer = guest_api.call("GET", f"feeds/{private_feed}/{path}")
    unknown = guest_api.call("GET", f"feeds/{new_slug('private')}/{path}")

    assert (answer.status, answer.kind) == (404, PROBLEM)
    assert unknown.status == 404
    assert set(answer.json) == set(unknown.json)


def test_a_private_feed_is_not_listed_to_a_guest(
    api: Api, guest_api: Api, private_feed: str
) -> None:
    assert private_feed in slugs(api)
    assert private_feed not in slugs(guest_api)


def test_a_private_feeds_room_is_closed_to_a_guest_from_its_first_moment_on(
    stack: Stack, api: Api, observer: Chat
) -> None:
    rooms = stack.facts["xmpp"]["rooms_domain"]
    with ThreadPoolExecutor(1) as other:
        for slug in [new_slug("private") for _ in range(8)]:
            making = other.submit(api.create_feed, slug, visibility="private")
            until(
                lambda slug=slug: stays_out(observer, slug, stack),
                "the room to be there",
                every_s=0,
            )
            making.result()

    with pytest.raises(Refused):
        observer.ask("set", f"{slug}@{rooms}", "<query xmlns='urn:xmpp:mam:2'/>")


def stays_out(chat: Chat, slug: str, stack: Stack) -> bool:
    """Try to enter; say whether the room was there. Getting in is a failure."""
    rooms = stack.facts["xmpp"]["rooms_domain"]
    is_there = slug in online_rooms(stack)
    with pytest.raises(Refused, match=r"^item-not-found$"):
        chat.join(f"{slug}@{rooms}")
    return is_there


def test_a_guest_writes_nothing(guest_api: Api, feed: str) -> None:
    assert guest_api.call("POST", "feeds/", {"slug": "x"}).status == 401
    assert guest_api.call("PATCH", f"feeds/{feed}/", {"title": "x"}).status == 401


def slugs(api: Api) -> list[str]:
    """The slugs of all pages of the list of feeds."""
    found: list[str] = []
    url = "/api/v1/feeds/"
    while url:
        page = api.get(url[url.index("/api/") :])
        found += [feed["slug"] for feed in page["results"]]
        url = page["next"]
    return found
