"""mod_feed_archive on a real ejabberd, without a pusher: what the archive takes.

Whoever speaks here is logged in with the pusher's account and says anything.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from real.programs import (
    Guest,
    Publisher,
    PusherProcess,
    wait_for_report,
)
from real.servers import MODULE, Ejabberd, Rabbit
from real.waiting import ALIVE_S, wait_for

CLIENT = "{jabber:client}"
FEED = "{urn:aviso:feed:2}"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"


class Speaker(Guest):
    """Sits in one room as its owner, and sends batches."""

    def __init__(self, ejabberd: Ejabberd, feed: str) -> None:
        super().__init__(ejabberd, f"pusher@{Ejabberd.DOMAIN}", Ejabberd.PASSWORD)
        self.feed = feed
        self.room = f"{feed}@{Ejabberd.ROOMS}"

    def say(self, first: object, last: object, epoch: str = "e001", **more: str) -> str:
        """Send one batch; return its id."""
        id_ = uuid.uuid4().hex
        attributes = {"feed": self.feed, "epoch": epoch} | more
        events = "".join(f" {name}='{value}'" for name, value in attributes.items())
        self.send_raw(
            f"<message type='groupchat' id='{id_}' to='{self.room}'><body>it's</body>"
            f"<events xmlns='urn:aviso:feed:2'{events} first='{first}' last='{last}'/>"
            "<json xmlns='urn:xmpp:json:0'>[\"\\\\ ' &quot;\"]</json></message>"
        )
        return id_

    async def hear(self, id_: str) -> ElementTree.Element:
        """Return what the room made of it: its reflection, or an error."""
        return await self.wait_heard(f"{CLIENT}message", id_)

    async def archive(
        self, first: object, last: object, epoch: str = "e001", **more: str
    ) -> str:
        """Send a batch that is taken; return its id in the archive."""
        answer = await self.hear(self.say(first, last, epoch, **more))
        assert answer.get("type") == "groupchat", ElementTree.tostring(answer)
        assert answer.find(f"{FEED}archived") is not None
        (stanza_id,) = answer.iterfind(STANZA_ID)
        assert stanza_id.get("by") == self.room
        return stanza_id.get("id") or ""

    async def refused(
        self, first: object, last: object, epoch: str = "e001", **more: str
    ) -> tuple[str, tuple[str | None, str | None] | None]:
        """Send a batch that is not; return the condition, and the head it names."""
        answer = await self.hear(self.say(first, last, epoch, **more))
        assert answer.get("type") == "error", ElementTree.tostring(answer)
        error = answer.find(f"{CLIENT}error")
        assert error is not None
        (condition,) = [
            e.tag.removeprefix(STANZAS)
            for e in error
            if e.tag.startswith(STANZAS) and not e.tag.endswith("}text")
        ]
        head = error.find(f"{FEED}head")
        named = None if head is None else (head.get("epoch"), head.get("last"))
        return condition, named

    async def head(self) -> tuple[str | None, str | None]:
        question = "<head xmlns='urn:aviso:feed:2'/>"
        answer = await self.ask(self.room, "get", question)
        head = answer.find(f"{FEED}head")
        assert head is not None, ElementTree.tostring(answer)
        return head.get("epoch"), head.get("last")

    async def spans(self) -> list[tuple[str, ...]]:
        """Epoch, first and last of what a reader finds in the archive."""
        return [
            tuple(events.get(name, "") for name in ("epoch", "first", "last"))
            for message in await self.read_archive(self.room)
            for events in message.iterfind(f"{FEED}events")
        ]


async def enter(ejabberd: Ejabberd, feed: str) -> Speaker:
    ejabberd.call(
        "create_room_with_opts",
        name=feed,
        service=Ejabberd.ROOMS,
        host=Ejabberd.DOMAIN,
        options=[
            {"name": name, "value": "true"}
            for name in ("persistent", "moderated", "mam")
        ],
    )
    ejabberd.call(
        "set_room_affiliation",
        name=feed,
        service=Ejabberd.ROOMS,
        jid=f"pusher@{Ejabberd.DOMAIN}",
        affiliation="owner",
    )
    speaker = await Speaker(ejabberd, feed).__aenter__()
    await speaker.join(speaker.room)
    return speaker


@pytest.fixture
async def speaker(ejabberd: Ejabberd, feed: str) -> AsyncIterator[Speaker]:
    speaker = await enter(ejabberd, feed)
    yield speaker
    await speaker.__aexit__()


def rows(ejabberd: Ejabberd, room: str) -> list[list[str]]:
    return ejabberd.postgres.query(
        "SELECT timestamp, peer, bare_peer, kind, nick, txt, server_host FROM archive"
        f" WHERE username = '{room}' ORDER BY timestamp"
    )


async def test_what_follows_is_archived_as_mod_mam_would_have_done(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    """The same columns and the same answer as for a message that mod_mam archives."""
    plain = uuid.uuid4().hex
    speaker.send_raw(
        f"<message type='groupchat' id='{plain}' to='{speaker.room}'>"
        "<body>it's</body></message>"
    )
    await speaker.hear(plain)

    first = await speaker.archive(1, 3)
    second = await speaker.archive(4, 4)

    (_, *by_mam), (*by_us,), (*again,) = rows(ejabberd, speaker.room)
    assert [first, *by_mam] == by_us
    assert [second, *by_mam] == again
    assert [("e001", "1", "3"), ("e001", "4", "4")] == await speaker.spans()
    archived = (await speaker.read_archive(speaker.room))[-1]
    assert archived.findtext("{urn:xmpp:json:0}json") == '["\\\\ \' ""]'
    assert archived.get("from", "").startswith(f"{speaker.room}/")
    assert ("e001", "4") == await speaker.head()


async def test_the_column_that_newer_servers_have_is_filled_as_they_do(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    """mod_mam of 26.07 puts a room message's own id there."""
    query = ejabberd.postgres.query
    query("ALTER TABLE archive ADD COLUMN origin_id text NOT NULL DEFAULT ''")
    try:
        archive_id = await speaker.archive(1, 1)
        room = f"username = '{speaker.room}'"
        origin = query(f"SELECT origin_id FROM archive WHERE {room}")
    finally:
        query("ALTER TABLE archive DROP COLUMN origin_id")

    assert [[archive_id]] == origin
    await speaker.archive(2, 2)


async def test_what_does_not_follow_is_refused_with_the_head_and_nobody_hears_it(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    async with Guest(ejabberd) as guest:
        await guest.join(speaker.room)
        await speaker.archive(1, 3)
        head = ("conflict", ("e001", "3"))

        assert head == await speaker.refused(5, 6)  # a hole
        assert head == await speaker.refused(3, 4)  # a part of it is there
        assert head == await speaker.refused(2, 3)
        assert head == await speaker.refused(4, 4, "e002")  # an epoch nobody began
        assert head == await speaker.refused(4, 3)  # empty, of this epoch
        last = speaker.say(4, 4)
        reflection = await guest.wait_heard(f"{CLIENT}message", last)
        heard = [x for x in guest.heard if x.find(f"{FEED}events") is not None]

    assert 2 == len(heard)
    assert reflection.find(f"{FEED}archived") is not None
    assert 2 == len(rows(ejabberd, speaker.room))


async def test_an_empty_archive_begins_with_the_first_event_or_an_empty_batch(
    speaker: Speaker,
) -> None:
    assert (None, None) == await speaker.head()
    assert ("conflict", (None, None)) == await speaker.refused(2, 5)

    await speaker.archive(8, 7)

    assert ("conflict", ("e001", "7")) == await speaker.refused(1, 1)
    await speaker.archive(8, 9)


async def test_a_batch_that_is_the_head_already_is_reflected_again_and_stored_once(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    first = await speaker.archive(1, 3)

    assert first == await speaker.archive(1, 3)
    assert first == await speaker.archive(1, 3)

    assert 1 == len(rows(ejabberd, speaker.room))
    await speaker.archive(4, 5)


async def test_an_empty_batch_begins_another_epoch(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    await speaker.archive(1, 3)

    begun = await speaker.archive(10, 9, "e002")
    assert begun == await speaker.archive(10, 9, "e002")
    assert ("conflict", ("e002", "9")) == await speaker.refused(4, 4)
    await speaker.archive(10, 12, "e002")

    assert 3 == len(rows(ejabberd, speaker.room))


@pytest.mark.parametrize(
    ("first", "last", "more"),
    [
        ("x", 1, {}),
        (1, "", {}),
        (0, 0, {}),
        (1, 9**20, {}),
        (5, 3, {}),
        (1, 1, {"feed": "another"}),
        (1, 1, {"epoch": ""}),
    ],
)
async def test_what_is_no_batch_of_this_feed_is_refused(
    speaker: Speaker, first: object, last: object, more: dict[str, str]
) -> None:
    epoch = more.pop("epoch", "e001")
    assert ("bad-request", None) == await speaker.refused(first, last, epoch, **more)
    assert [] == await speaker.spans()


async def test_batches_under_way_together_are_archived_in_their_order(
    speaker: Speaker,
) -> None:
    ids = [speaker.say(n, n) for n in range(1, 21)]
    for id_ in ids:
        assert "groupchat" == (await speaker.hear(id_)).get("type")

    assert [("e001", str(n), str(n)) for n in range(1, 21)] == await speaker.spans()


async def test_the_head_follows_the_archive_whatever_removed_rows_from_its_end(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    ids = [await speaker.archive(n, n) for n in range(1, 6)]

    def remove(condition: str) -> None:
        ejabberd.postgres.query(
            f"DELETE FROM archive WHERE username = '{speaker.room}' AND {condition}"
        )

    remove(f"timestamp > {ids[2]}")
    assert ("e001", "3") == await speaker.head()
    assert ("conflict", ("e001", "3")) == await speaker.refused(6, 6)
    again = await speaker.archive(4, 4)
    assert int(again) > int(ids[-1]), "an id that somebody may remember as read"

    remove("true")
    assert (None, None) == await speaker.head()
    assert ("conflict", (None, None)) == await speaker.refused(5, 5)
    assert int(await speaker.archive(1, 1)) > int(again)


async def test_the_head_follows_an_archive_that_came_back_with_more(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    for n in (1, 2, 3):
        await speaker.archive(n, n)
    table = f"saved_{uuid.uuid4().hex}"
    room = f"username = '{speaker.room}'"
    query = ejabberd.postgres.query
    query(f"CREATE TABLE {table} AS SELECT * FROM archive WHERE {room}")
    query(f"DELETE FROM archive WHERE {room}")
    await speaker.archive(8, 7, "e002")
    query(f"DELETE FROM archive WHERE {room}")
    query(f"INSERT INTO archive SELECT * FROM {table}")

    assert ("conflict", ("e001", "3")) == await speaker.refused(8, 8, "e002")
    await speaker.archive(4, 4)


async def test_a_message_of_another_kind_behind_the_last_batch_changes_nothing(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    await speaker.archive(1, 1)
    for _ in range(3):
        plain = uuid.uuid4().hex
        speaker.send_raw(
            f"<message type='groupchat' id='{plain}' to='{speaker.room}'>"
            "<body>x</body></message>"
        )
        await speaker.hear(plain)

    assert ("conflict", ("e001", "1")) == await speaker.refused(3, 3)
    await speaker.archive(2, 2)

    ids = [int(row[0]) for row in rows(ejabberd, speaker.room)]
    assert ids == sorted(set(ids))
    assert 5 == len(ids)


async def test_a_database_that_refuses_is_an_error_and_no_reflection(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    await speaker.archive(1, 1)
    query = ejabberd.postgres.query
    query("ALTER TABLE archive RENAME TO away")
    try:
        refusal = await speaker.refused(2, 2)
    finally:
        query("ALTER TABLE away RENAME TO archive")

    assert ("internal-server-error", None) == refusal
    await speaker.archive(2, 2)
    assert 2 == len(rows(ejabberd, speaker.room))
    log = ejabberd.directory / "log" / "ejabberd.log"
    # Its logger writes behind the answer.
    wait_for(lambda: "42P01" in log.read_text(), "the refusal in the log")
    assert "it's" not in log.read_text(), "a record's data"


async def test_functions_that_have_gone_are_made_again(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    await speaker.archive(1, 1)
    ejabberd.postgres.query("DROP FUNCTION newest_feed_batch, archive_feed_batch")
    ejabberd.postgres.query("DROP TABLE room_heads")

    await speaker.archive(2, 2)

    assert ("conflict", ("e001", "2")) == await speaker.refused(2, 3)


async def test_a_commit_that_shows_late_makes_no_second_batch(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    """Durable, but seen by nobody: what a stalled synchronous standby does."""
    query = ejabberd.postgres.query
    await speaker.archive(1, 1)
    query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    query("SELECT pg_reload_conf()")
    try:
        late, answer = await say_one_that_waits(speaker, 2)
        assert "error" == answer.get("type")
        shown = [("e001", str(place), str(place)) for place in range(1, late)]
        assert shown == await speaker.spans()

        await refused_for_the_one_that_waits(speaker, late, late)
        await refused_for_the_one_that_waits(speaker, late, late + 1)
    finally:
        query("ALTER SYSTEM RESET synchronous_standby_names")
        query("SELECT pg_reload_conf()")
    wait_for(lambda: not waits_for_standby(ejabberd), "the commit's showing")

    assert ("conflict", ("e001", str(late))) == await speaker.refused(late, late + 1)
    await speaker.archive(late, late)
    assert late == len(rows(ejabberd, speaker.room))


async def say_one_that_waits(
    speaker: Speaker, first: int
) -> tuple[int, ElementTree.Element]:
    """Say batches of one until the commit of one waits; return its place and answer.

    PostgreSQL's checkpointer is the one that makes them wait, when it gets to it.
    """
    for place in range(first, first + 100):
        answer = asyncio.ensure_future(speaker.hear(speaker.say(place, place)))
        heard = await answer
        if heard.get("type") == "error":
            return place, heard
    raise AssertionError("no commit waits for the standby")


async def refused_for_the_one_that_waits(
    speaker: Speaker, first: int, last: int
) -> None:
    """See it refused because another batch is under way.

    A machine that stands still is told by the module first, which then has no answer of
    the database to go by.
    """
    async with asyncio.timeout(ALIVE_S):
        while (refusal := await speaker.refused(first, last)) == (
            "internal-server-error",
            None,
        ):
            pass
    assert ("resource-constraint", None) == refusal


def waits_for_standby(ejabberd: Ejabberd) -> bool:
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    return ejabberd.postgres.query(f"SELECT count(*) FROM ({waiting}) AS w") != [["0"]]


async def test_only_the_rooms_owner_learns_its_head(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    await speaker.archive(1, 1)

    async with Guest(ejabberd) as guest:
        question = "<head xmlns='urn:aviso:feed:2'/>"
        answer = await guest.ask(speaker.room, "get", question)

    assert "error" == answer.get("type")


async def test_an_old_and_large_archive_is_read_by_its_index(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    query = ejabberd.postgres.query
    host = f"'{Ejabberd.DOMAIN}'"
    for room, events in ((speaker.room, "1"), ("crowd@x", "1000")):
        query(
            "INSERT INTO archive (username, server_host, timestamp, peer, bare_peer,"
            f" xml, txt, kind, nick) SELECT '{room}', {host}, n * {events}, 'p', 'p',"
            " '<events xmlns=''urn:aviso:feed:2'' epoch=''e001'' first=''' || n ||"
            " ''' last=''' || n || '''/>', '', 'groupchat', 'n'"
            " FROM generate_series(1, 50000) AS n"
        )
    query("ANALYZE archive")

    for function in ("feed_head", "newest_feed_batch"):
        call = f"SELECT * FROM {function}({host}, '{speaker.room}')"
        # The first call of a session reads the catalogue as well.
        plan = query(f"{call}; EXPLAIN (ANALYZE, BUFFERS) {call}")
        text = "\n".join(line[0] for line in plan)
        (hits, *_) = [w for w in text.split() if w.startswith("hit=")]
        assert int(hits.removeprefix("hit=")) < 50, text
    assert ("e001", "50000") == await speaker.head()
    await speaker.archive(50001, 50001)


async def test_a_batch_is_archived_without_reading_what_passed_since_a_snapshot(
    speaker: Speaker, ejabberd: Ejabberd
) -> None:
    """A backup holds one for as long as it takes: no row that died since goes away."""
    passed = 3000

    def archive(n: object) -> str:
        words = f"'{Ejabberd.DOMAIN}', '{speaker.room}', 'e001', {n}, {n}, {n}"
        text = f"""'<events xmlns="urn:aviso:feed:2" epoch="e001" first="' || {n} ||
            '" last="' || {n} || '"/>'"""
        return f"archive_feed_batch({words}, 'p', 'p', 'n', {text}, '')"

    await speaker.archive(1, 1)
    with ejabberd.postgres.holding_snapshot():
        ejabberd.postgres.query(
            f"DO $$ BEGIN FOR n IN 2..{passed} LOOP PERFORM {archive('n')}; COMMIT;"
            " END LOOP; END $$"
        )
        for call in (
            archive(passed + 2),  # does not follow: it only looks
            f"feed_head('{Ejabberd.DOMAIN}', '{speaker.room}')",
        ):
            select = f"SELECT * FROM {call}"
            # The first call of a session reads the catalogue as well.
            plan = ejabberd.postgres.query(
                f"{select}; EXPLAIN (ANALYZE, BUFFERS) {select}"
            )
            text = "\n".join(line[0] for line in plan)
            (hits, *_) = [w for w in text.split() if w.startswith("hit=")]
            assert int(hits.removeprefix("hit=")) < 60, text
    assert ("e001", str(passed)) == await speaker.head()


@pytest.fixture
def own_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "ejabberd"
    directory.mkdir()
    return directory


def crash_inside(source: str) -> str:
    return source.replace("El = xmpp:encode(Packet),", "El = error(crash),")


def crash_outside(source: str) -> str:
    """The first hook is not even there, as a module that was half taken away."""
    return source.replace("muc_filter_message, 10)", "nothing_of_that_name, 10)")


@pytest.mark.parametrize("spoil", [crash_inside, crash_outside])
async def test_a_hook_that_crashes_refuses(
    own_directory: Path, feed: str, spoil: object
) -> None:
    assert callable(spoil)
    spoiled = spoil(MODULE.read_text())
    assert spoiled != MODULE.read_text()
    ejabberd = Ejabberd(own_directory, source=spoiled)
    try:
        ejabberd.start()
        ejabberd.register("pusher", ejabberd.PASSWORD)
        speaker = await enter(ejabberd, feed)
        assert ("internal-server-error", None) == await speaker.refused(1, 1)
        assert [] == rows(ejabberd, speaker.room)
        heard = [x for x in speaker.heard if x.find(f"{FEED}events") is not None]
        assert heard == []
        await speaker.__aexit__()
    finally:
        ejabberd.close()


async def test_without_the_module_nothing_is_proved_and_the_pusher_sends_nothing(
    own_directory: Path, rabbit: Rabbit, publisher: Publisher, feed: str
) -> None:
    ejabberd = Ejabberd(own_directory, has_module=False)
    pusher = PusherProcess(rabbit, ejabberd, own_directory / "pusher.log")
    try:
        ejabberd.start()
        ejabberd.register("pusher", ejabberd.PASSWORD)
        other = f"{feed}-other"
        speaker = await enter(ejabberd, other)
        reflection = await speaker.hear(speaker.say(1, 1))
        assert reflection.find(f"{FEED}archived") is None
        await speaker.__aexit__()

        pusher.start()
        publisher.publish_opening(feed)
        publisher.publish_batch(feed, 1, 1)

        heard = wait_for_report(publisher, feed, "shut")
        assert "mod_feed_archive" in heard[-1]["detail"]
        assert [] == rows(ejabberd, f"{feed}@{Ejabberd.ROOMS}")
    finally:
        pusher.close()
        ejabberd.close()
        for number in range(2):
            publisher.purge(f"xmpp-pusher.{number}")


def test_without_its_beam_ejabberd_does_not_start(own_directory: Path) -> None:
    ejabberd = Ejabberd(own_directory)
    (own_directory / "beam" / "mod_feed_archive.beam").unlink()
    try:
        with pytest.raises(RuntimeError, match="mod_feed_archive"):
            ejabberd.start()
    finally:
        ejabberd.close()
