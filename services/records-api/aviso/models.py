"""Every model, where Django looks for them; each stands in its own package."""

from aviso.access.models import ApiKey, RequestCount
from aviso.capture.models import (
    NestedWrite,
    Note,
    Tracked,
    TrackedFeed,
    TrackedTable,
)
from aviso.events.models import (
    Event,
    FirstState,
    LoggedEvent,
    OutboxFeed,
    Place,
    QueuedChangeset,
)
from aviso.feeds.models import Feed, FeedHead, FeedProgress
from aviso.outbox.models import RelayRow, SourceRow
from aviso.parked.models import ParkedEvent
from aviso.readers.models import Reader
from aviso.records.models import IdempotencyKey, Record

__all__ = [
    "ApiKey",
    "Event",
    "Feed",
    "FeedHead",
    "FeedProgress",
    "FirstState",
    "IdempotencyKey",
    "LoggedEvent",
    "NestedWrite",
    "Note",
    "OutboxFeed",
    "ParkedEvent",
    "Place",
    "QueuedChangeset",
    "Reader",
    "Record",
    "RelayRow",
    "RequestCount",
    "SourceRow",
    "Tracked",
    "TrackedFeed",
    "TrackedTable",
]
