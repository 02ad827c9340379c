"""What a Django developer would write instead: a REST view, and Channels for the push.

One project for both: with PEER_PUSH=channels a record is sent to its feed's group after
the commit, with anything else it is stored and no more ("the write alone").
"""

from __future__ import annotations

import json
import os
from typing import Any

import django
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

_database = conninfo_to_dict(os.environ["PEER_DATABASE_URL"])
_push = os.environ["PEER_PUSH"]

settings.configure(
    SECRET_KEY="not a secret: a peer on loopback, for a minute",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _database["dbname"],
            "USER": _database["user"],
            "PASSWORD": _database["password"],
            "HOST": _database["host"],
            "PORT": _database["port"],
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    },
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [("127.0.0.1", int(os.environ["PEER_REDIS_PORT"]))]},
        }
    },
)
django.setup()

from asgiref.sync import async_to_sync  # noqa: E402 # needs the settings
from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models, transaction  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Record(models.Model):
    feed = models.CharField(max_length=64, db_index=True)
    data = models.JSONField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "peer"
        db_table = "peer_records"


class RecordList(serializers.ListSerializer[Record]):
    def create(self, validated_data: list[dict[str, Any]]) -> list[Record]:
        return Record.objects.bulk_create(Record(**each) for each in validated_data)


class RecordSerializer(serializers.ModelSerializer[Record]):
    class Meta:
        model = Record
        fields = ("id", "feed", "data", "created")
        list_serializer_class = RecordList


class Records(APIView):
    def post(self, request: Request) -> Response:
        is_list = isinstance(request.data, list)
        serializer = RecordSerializer(data=request.data, many=is_list)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            serializer.save()
            records = serializer.data if is_list else [serializer.data]
            if _push == "channels":
                transaction.on_commit(lambda: send(records), robust=True)
        if is_list:
            return Response([each["id"] for each in records], status=201)
        return Response(records[0], status=201)


def send(records: list[Any]) -> None:
    """Send a request's records to the group, in one message."""
    message = {"type": "created", "text": json.dumps(records)}
    async_to_sync(get_channel_layer().group_send)("feed", message)


class Feed(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add("feed", self.channel_name)
        await self.accept()
        await self.send("live")

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("feed", self.channel_name)

    async def created(self, event: dict[str, str]) -> None:
        await self.send(event["text"])


def make_table() -> None:
    from django.db import connection

    with connection.schema_editor() as editor:
        editor.create_model(Record)


urlpatterns = [path("records/", Records.as_view())]
write = get_wsgi_application()
subscribe = ProtocolTypeRouter({"websocket": URLRouter([path("feed", Feed.as_asgi())])})

if __name__ == "__main__":
    make_table()
