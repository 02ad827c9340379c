"""The shapes of records, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers


class DataSerializer(serializers.Serializer[Any]):
    data = serializers.DictField(  # type: ignore[assignment]
        help_text="A JSON object of at most 64 KiB as stored, at most 64 levels deep."
    )


class NewRecordSerializer(DataSerializer):
    id = serializers.UUIDField(
        required=False,
        help_text="Made by the client: the same write again then changes nothing.",
    )


class RecordHeadSerializer(serializers.Serializer[Any]):
    """A record for whoever may not read it."""

    id = serializers.UUIDField()
    feed = serializers.CharField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class RecordSerializer(RecordHeadSerializer, DataSerializer):
    """A record."""


class IdsSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.UUIDField(), help_text="In the order of the list."
    )


class TableRowSerializer(serializers.Serializer[Any]):
    """A row of a table of somebody's own; `cause` where it has no form."""

    id = serializers.CharField(max_length=1024)
    data = serializers.DictField(required=False)  # type: ignore[assignment]
    cause = serializers.CharField(required=False)


class PositionSerializer(serializers.Serializer[Any]):
    """Up to which event everything is in the page, and which later ones are as well."""

    epoch = serializers.CharField()
    sequence = serializers.CharField()
    contains = serializers.ListField(
        child=serializers.ListField(
            child=serializers.CharField(), min_length=2, max_length=2
        ),
        help_text="Ranges of sequences, both ends included.",
    )


class MomentSerializer(serializers.Serializer[Any]):
    """The feed's past that a page shows."""

    sequence = serializers.IntegerField(help_text="After this event; 0: before all.")
    time = serializers.DateTimeField(
        allow_null=True, help_text="When that event was written; null before all."
    )
    oldest = serializers.IntegerField(
        help_text="The oldest event that is kept. Above 1: records whose last event by"
        " then was an older one are not in the page."
    )


class RecordPageSerializer(serializers.Serializer[Any]):
    results = serializers.ListField(
        child=PolymorphicProxySerializer(
            component_name="ListedRecord",
            serializers=[RecordSerializer, TableRowSerializer],
            resource_type_field_name=None,
        )
    )
    next = serializers.URLField(allow_null=True, help_text="The page after.")
    previous = serializers.URLField(allow_null=True, help_text="The one before.")
    looked_at = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="With filters: how many records the page is out of; null where it was"
        " cut short.",
    )
    position = PositionSerializer(required=False, help_text="With `position=true`.")
    at = MomentSerializer(required=False, help_text="With `at`.")
