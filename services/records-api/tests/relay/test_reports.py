"""Reports are read strictly, and nothing in one is too odd."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aviso.relay.reports import (
    MOST_REPORTS,
    Archived,
    Away,
    Behind,
    Opened,
    Refused,
    Report,
    Shut,
    Unopened,
    read_reports,
)
from tests.contracts import read_json

WORDS = ["reports", "kind", "feed", "last", "run", "archived", "orders", "12", "\0é"]
ABOUT = {"feed": "orders", "epoch": "k3f9"}
GOOD: list[tuple[dict[str, Any], Report]] = [
    ({"kind": "archived", **ABOUT, "last": "12"}, Archived("orders", "k3f9", 12)),
    ({"kind": "opened", **ABOUT, "id": "x"}, Opened("orders", "k3f9", "x")),
    (
        {"kind": "behind", **ABOUT, "run": "r", "last": "0"},
        Behind("orders", "r", "k3f9", 0),
    ),
    (
        {"kind": "behind", "feed": "orders", "run": "r", "epoch": None, "last": None},
        Behind("orders", "r", None, None),
    ),
    (
        {"kind": "shut", "feed": "orders", "run": "r", "detail": "no"},
        Shut("orders", "r", "no"),
    ),
    (
        {
            "kind": "refused",
            **ABOUT,
            "run": "r",
            "first": "1",
            "last": "2",
            "detail": "no",
        },
        Refused("orders", "r", "k3f9", 1, 2, "no"),
    ),
    ({"kind": "unopened", "feed": "orders"}, Unopened("orders")),
    ({"kind": "away"}, Away()),
]


def read(*reports: object) -> list[Report]:
    return list(read_reports(json.dumps({"reports": reports}).encode()))


@pytest.mark.parametrize(("told", "report"), GOOD)
def test_each_kind_is_read(told: dict[str, Any], report: Report) -> None:
    assert [report] == read(told)


def test_the_kinds_are_the_contracts_with_their_members() -> None:
    kinds = read_json("topology.json")["reports"]["kinds"]

    assert {told["kind"]: set(told) - {"kind"} for told, _ in GOOD} == {
        kind: set(members) for kind, members in kinds.items()
    }


@pytest.mark.parametrize(
    "odd",
    [
        5,
        {},
        {"kind": "archived"},
        {"kind": "archived", **ABOUT, "last": 12},
        {"kind": "archived", **ABOUT, "last": "-1"},
        {"kind": "archived", **ABOUT, "last": "9223372036854775808"},
        {"kind": "archived", "feed": "No Slug", "epoch": "k3f9", "last": "1"},
        {"kind": "archived", "feed": "orders", "epoch": "\0", "last": "1"},
        {"kind": "refused", **ABOUT, "run": "r", "first": "1"},
        {"kind": "something new", "feed": "orders"},
    ],
)
def test_what_makes_no_sense_is_passed_over_alone(odd: object) -> None:
    assert [Away()] == read(odd, {"kind": "away"})


def test_no_more_are_read_than_a_message_may_hold() -> None:
    assert MOST_REPORTS == len(read(*[{"kind": "away"}] * (MOST_REPORTS + 5)))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(WORDS), inner),
)


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_no_message_is_too_odd(body: bytes) -> None:
    list(read_reports(body))


def test_a_message_nested_too_deeply_is_none() -> None:
    assert [] == list(read_reports(b"[" * 200_000))
