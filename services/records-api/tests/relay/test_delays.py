from __future__ import annotations

from aviso.relay.delays import Backoff


def test_delays_grow_to_their_bound_and_begin_anew_after_a_success() -> None:
    backoff = Backoff(first_s=1.0, longest_s=8.0)

    for step_s in (1.0, 2.0, 4.0, 8.0, 8.0):
        assert step_s / 2 <= backoff.next_s() <= step_s
    backoff.reset()

    assert backoff.next_s() <= 1.0
