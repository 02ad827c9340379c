"""The shapes of records, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from aviso.rest.openapi import page_of


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


RecordPageSerializer = page_of(RecordSerializer, "RecordPageSerializer")
