"""The owner form of both releases of ejabberd, as each offers it."""

from __future__ import annotations

from xmpp_pusher.xmpp.muc import Field
from xmpp_pusher.xmpp.room_options import (
    find_missing,
    is_closed,
    is_opened,
    list_changes,
    read_visibility,
)

COMMON = {
    "muc#roomconfig_persistentroom": Field(("0",)),
    "muc#roomconfig_moderatedroom": Field(("1",)),
    "muc#roomconfig_membersonly": Field(("0",)),
    "muc#roomconfig_publicroom": Field(("1",)),
    "muc#roomconfig_roomdesc": Field(()),
    "muc#roomconfig_maxusers": Field(("200",), ("5", "200", "5000")),
    "muc#roomconfig_presencebroadcast": Field(("moderator", "participant", "visitor")),
    "mam": Field(("0",)),
}


def test_only_fields_that_the_server_offers_are_submitted() -> None:
    old = COMMON | {"allow_private_messages": Field(("1",))}
    new = COMMON | {"muc#roomconfig_allowpm": Field(("anyone",), ("anyone", "none"))}

    of_old = list_changes("orders", old, "public", is_opened=True)
    of_new = list_changes("orders", new, "public", is_opened=True)

    assert ("0",) == of_old["allow_private_messages"]
    assert "muc#roomconfig_allowpm" not in of_old
    assert ("none",) == of_new["muc#roomconfig_allowpm"]
    assert "allow_private_messages" not in of_new


def test_what_is_as_it_should_be_is_not_submitted() -> None:
    changes = list_changes("orders", COMMON, "public", is_opened=True)

    assert "muc#roomconfig_moderatedroom" not in changes
    applied = COMMON | {
        name: Field(values, COMMON[name].options) for name, values in changes.items()
    }
    assert {} == list_changes("orders", applied, "public", is_opened=True)


def test_as_many_occupants_as_the_service_offers() -> None:
    changes = list_changes("orders", COMMON, "public", is_opened=True)

    assert ("5000",) == changes["muc#roomconfig_maxusers"]


def test_a_private_room_is_for_members_and_not_listed() -> None:
    changes = list_changes("orders", COMMON, "private", is_opened=True)

    assert ("1",) == changes["muc#roomconfig_membersonly"]
    assert ("0",) == changes["muc#roomconfig_publicroom"]


def test_a_room_remembers_its_visibility() -> None:
    for visibility in ("public", "private"):
        changes = list_changes("orders", COMMON, visibility, is_opened=True)
        form = COMMON | {
            "muc#roomconfig_roomdesc": Field(changes["muc#roomconfig_roomdesc"])
        }

        assert visibility == read_visibility(form)
        is_closed = list_changes("orders", form, None, is_opened=True).get(
            "muc#roomconfig_membersonly"
        )
        assert (None if visibility == "public" else ("1",)) == is_closed


def test_a_room_that_does_not_tell_its_visibility_is_closed() -> None:
    changes = list_changes("orders", COMMON, None, is_opened=True)

    assert ("1",) == changes["muc#roomconfig_membersonly"]


def test_a_server_without_an_archive_is_found_out() -> None:
    form = {name: field for name, field in COMMON.items() if name != "mam"}

    assert ["mam"] == find_missing(form)


def test_a_room_remembers_that_it_was_not_opened_yet() -> None:
    changes = list_changes("orders", COMMON, "public", is_opened=False)
    form = COMMON | {
        "muc#roomconfig_roomdesc": Field(changes["muc#roomconfig_roomdesc"])
    }

    assert "public" == read_visibility(form)
    assert not is_opened(form)
    opened = list_changes("orders", form, "public", is_opened=True)
    assert is_opened(COMMON | {name: Field(v) for name, v in opened.items()})


def test_a_room_is_closed_when_all_but_its_name_is_as_it_should_be() -> None:
    changes = list_changes("orders", COMMON, "private", is_opened=False)
    applied = COMMON | {name: Field(values) for name, values in changes.items()}

    assert is_closed(applied | {"muc#roomconfig_roomdesc": Field(())})
    assert not is_closed(applied | {"mam": Field(("0",))})
    assert not is_closed(applied | {"muc#roomconfig_membersonly": Field(("0",))})
    assert not is_closed({"mam": Field(("1",))})
