"""What becomes of a reader, in the room's words."""

from __future__ import annotations

import pytest

from xmpp_pusher.contract import Change
from xmpp_pusher.xmpp.readers import affiliate, list_differences

TICKETS = "ticket.x"


@pytest.mark.parametrize(
    ("reader", "change", "expected"),
    [
        ("ada@x", "granted", "member"),
        ("ada@x", "revoked", "none"),
        ("u-17@ticket.x", "granted", "none"),
        ("u-17@ticket.x", "revoked", "outcast"),
    ],
)
def test_an_account_is_a_member_and_a_ticket_holder_no_outcast(
    reader: str, change: Change, expected: str
) -> None:
    assert expected == affiliate(reader, change, TICKETS)


def test_lists_that_are_right_need_no_change() -> None:
    present = {TICKETS: "member", "ada@x": "member", "u-17@ticket.x": "outcast"}

    assert {} == list_differences(present, ["Ada@x"], ["u-17@ticket.x"], TICKETS)  # type: ignore[arg-type]


def test_whoever_has_to_go_comes_first() -> None:
    changes = list_differences(
        {"old@x": "member"}, ["ada@x"], ["u-17@ticket.x"], TICKETS
    )

    assert ["none", "outcast", "member", "member"] == list(changes.values())
    assert "old@x" == next(iter(changes))
