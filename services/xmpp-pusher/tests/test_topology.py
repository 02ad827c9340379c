from __future__ import annotations

import json

from examples import CONTRACTS
from xmpp_pusher.amqp import topology

COUNT = 3


def test_what_the_pusher_works_with_is_in_the_contract() -> None:
    contract = json.loads((CONTRACTS / "topology.json").read_text())
    queues = {
        each["name"].replace("{n}", str(n))
        for each in contract["queues"]
        for n in range(COUNT)
    }
    sharing = contract["sharing"]

    assert set(topology.list_queues(COUNT)) <= queues
    assert set(topology.EXCHANGES) <= {each["name"] for each in contract["exchanges"]}
    assert contract["reports"]["exchange"] == topology.REPORTS
    assert (sharing["members"], sharing["lease"].replace("{n}", "7")) == (
        topology.MEMBERS,
        topology.lease(7),
    )
