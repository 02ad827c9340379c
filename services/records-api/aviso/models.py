"""Every model, where Django looks for them; each stands in its own package."""

from aviso.access.models import ApiKey
from aviso.events.models import Event, OutboxEvent
from aviso.feeds.models import Feed, FeedHead
from aviso.readers.models import Reader
from aviso.records.models import IdempotencyKey, Record
from aviso.relay.models import ParkedEvent

__all__ = [
    "ApiKey",
    "Event",
    "Feed",
    "FeedHead",
    "IdempotencyKey",
    "OutboxEvent",
    "ParkedEvent",
    "Reader",
    "Record",
]
