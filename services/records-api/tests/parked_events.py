"""Events that are parked, without anybody who parks them."""

from __future__ import annotations

from aviso.events.models import Event
from aviso.parked.models import ParkedEvent


def park(event: Event, state: str = "parked") -> ParkedEvent:
    return ParkedEvent.objects.create(
        feed=event.feed_id,
        event_id=event.id,
        sequence=event.sequence,
        cause="invalid",
        detail="",
        parked_by="pusher",
        body=b"{}",
        headers={},
        routing_key="",
        fingerprint=str(event.id),
        state=state,
    )
