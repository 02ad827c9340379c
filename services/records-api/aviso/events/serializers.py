"""The shape of a feed's events, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class EventsSerializer(serializers.Serializer[Any]):
    epoch = serializers.CharField(help_text="Sequences of another epoch mean nothing.")
    head = serializers.IntegerField(help_text="The newest sequence of the feed.")
    oldest = serializers.IntegerField(
        help_text="The oldest sequence that is kept, head + 1 if none is: what is"
        " before it was pruned."
    )
    events = serializers.ListField(
        child=serializers.DictField(),
        help_text="CloudEvents, as contracts/event.schema.json describes them.",
    )
