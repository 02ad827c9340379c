"""The shapes of feeds, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from aviso.feeds.models import Feed
from aviso.names.slugs import SLUG_PATTERN
from aviso.rest.openapi import page_of


class FeedChangeSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(required=False, allow_blank=True, max_length=200)
    visibility = serializers.ChoiceField(Feed.Visibility.choices, required=False)
    schema = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="JSON Schema 2020-12 that each record's data must meet, or null.",
    )


class NewFeedSerializer(FeedChangeSerializer):
    slug = serializers.RegexField(rf"^{SLUG_PATTERN}$")


class TableSerializer(serializers.Serializer[Any]):
    schema = serializers.CharField()
    name = serializers.CharField()
    columns = serializers.ListField(
        child=serializers.CharField(), help_text="What is told of a row."
    )
    key = serializers.ListField(
        child=serializers.CharField(), help_text="The columns that a record's id is of."
    )


class FeedSerializer(serializers.Serializer[Any]):
    slug = serializers.RegexField(rf"^{SLUG_PATTERN}$")
    title = serializers.CharField(allow_blank=True)
    visibility = serializers.ChoiceField(Feed.Visibility.choices)
    schema = serializers.DictField(allow_null=True)
    room = serializers.CharField(help_text="JID of the feed's room.")
    epoch = serializers.CharField()
    head = serializers.IntegerField(help_text="The newest sequence; 0: none yet.")
    created_at = serializers.DateTimeField()
    table = TableSerializer(
        allow_null=True,
        help_text="The table whose rows are the feed's records, where it is one of"
        " somebody's own.",
    )


FeedPageSerializer = page_of(FeedSerializer, "FeedPageSerializer")


class HeadSerializer(serializers.Serializer[Any]):
    slug = serializers.RegexField(rf"^{SLUG_PATTERN}$")
    epoch = serializers.CharField()
    head = serializers.IntegerField(help_text="The newest sequence; 0: none yet.")


class HeadsSerializer(serializers.Serializer[Any]):
    results = HeadSerializer(many=True)


class ConnectionSerializer(serializers.Serializer[Any]):
    domain = serializers.CharField()
    guest_domain = serializers.CharField(help_text="For anonymous logins.")
    rooms_domain = serializers.CharField()
    ticket_domain = serializers.CharField(help_text="For logins with a ticket.")
    websocket_url = serializers.CharField()
    bosh_url = serializers.URLField()
    registration = serializers.ChoiceField(
        ["open", "limited", "closed"],
        help_text="Whether accounts can be made in the browser; limited: some an hour.",
    )
