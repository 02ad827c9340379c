"""The shapes of readers and tickets, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from aviso.names.readers import TICKET_NAME
from aviso.names.slugs import SLUG_PATTERN
from aviso.rest.openapi import page_of


class NewReaderSerializer(serializers.Serializer[Any]):
    reader = serializers.CharField(
        help_text="The bare JID of an account, or of a ticket's holder."
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Until when; null: until revoked."
    )


class ReaderSerializer(serializers.Serializer[Any]):
    feed = serializers.RegexField(rf"^{SLUG_PATTERN}$")
    reader = serializers.CharField()
    state = serializers.ChoiceField(["granted", "revoked"])
    granted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


ReaderPageSerializer = page_of(ReaderSerializer, "ReaderPageSerializer")


class NewTicketSerializer(serializers.Serializer[Any]):
    reader = serializers.RegexField(
        rf"^{TICKET_NAME}$", help_text="Whatever your site calls its user."
    )
    feeds = serializers.ListField(
        child=serializers.RegexField(rf"^{SLUG_PATTERN}$"), min_length=1, max_length=32
    )
    expires_in = serializers.IntegerField(
        required=False,
        min_value=60,
        max_value=3600,
        help_text="Seconds; 600 if left out.",
    )


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField(
        help_text="A JSON Web Token: the password in XMPP, the bearer token in REST."
    )
    reader = serializers.CharField(help_text="The bare JID of its holder.")
    feeds = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()
