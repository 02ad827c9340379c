"""JSON lines on stdout, with the keys that every hop of an event's way uses."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_KEYS: Final = (
    "outcome",
    "event_id",
    "feed",
    "epoch",
    "sequence",
    "first",
    "last",
    "cause",
    "dropped",
)


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": "xmpp-pusher",
            "message": record.getMessage(),
        }
        line |= {key: getattr(record, key) for key in _KEYS if hasattr(record, key)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_logs() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # They tell of each failure at length; our own line says what it means here.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
