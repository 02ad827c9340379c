"""Feeds over REST, and what a client needs to know to connect."""

from __future__ import annotations

import json

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from aviso.access.audit import name_caller, note_change
from aviso.access.caller import Action, find_caller
from aviso.access.caller_names import is_stranger
from aviso.access.permissions import ANYONE, Anyone, rules, with_key
from aviso.conf import conf
from aviso.database.limits import strangers_limit
from aviso.feeds import serializers
from aviso.feeds.bodies import read_change, read_slug
from aviso.feeds.filters import read_slugs, read_sought
from aviso.feeds.permissions import opened_feed, to_feed
from aviso.feeds.reading import CURSOR_PATTERN, MAX_HEADS, list_feeds, read_heads
from aviso.feeds.rendering import render_feed, render_head
from aviso.feeds.writing import change_feed, create_feed
from aviso.problems import Forbidden, show
from aviso.rest.answers import answer_json
from aviso.rest.headers import refuse_idempotency_key
from aviso.rest.members import take_members
from aviso.rest.openapi import CURSOR, LIMIT, problems
from aviso.rest.page_answers import answer_page
from aviso.rest.paging import check_parameters, read_cursor, read_limit
from aviso.rest.views import PatchingView, RestView

_CHANGEABLE = {"title", "visibility", "schema"}
_SOUGHT = OpenApiParameter(
    "q",
    str,
    description="Only feeds in whose slug or title each of these words begins one.",
)
_SLUGS = OpenApiParameter(
    "feeds",
    str,
    required=True,
    description=f"Slugs with commas between, at most {MAX_HEADS}.",
)


class FeedsView(RestView):
    permission_classes = [rules(GET=ANYONE, POST=with_key(Action.MANAGE))]

    @extend_schema(
        operation_id="list_feeds",
        summary="The feeds that are open to you, by name",
        parameters=[LIMIT, CURSOR, _SOUGHT],
        responses={200: serializers.FeedPageSerializer, **problems()},
    )
    def get(self, request: Request) -> HttpResponse:
        check_parameters(request.GET, {"limit", "cursor", "q"})
        cursor = read_cursor(request.GET, CURSOR_PATTERN)
        limit, sought = read_limit(request.GET), read_sought(request.GET)
        with strangers_limit(is_stranger=is_stranger(request)):
            page = list_feeds(find_caller(request), cursor, limit, sought)
        return answer_page(
            request, page, render=render_feed, key=lambda feed: feed.slug
        )

    @extend_schema(
        operation_id="create_feed",
        summary="Create a feed",
        request=serializers.NewFeedSerializer,
        responses={201: serializers.FeedSerializer, **problems(409, body=True)},
    )
    def post(self, request: Request) -> HttpResponse:
        caller = find_caller(request)
        refuse_idempotency_key(request, "a feed that is there already answers 409")
        body = take_members(request.data, {"slug", *_CHANGEABLE})
        slug = read_slug(body.get("slug"))
        if not caller.may(Action.MANAGE, slug, public=False):
            raise Forbidden(f"This {caller.shown} may not create the feed {show(slug)}")
        feed = create_feed(slug, read_change(body))
        location = f"{conf.public_url}{request.path}{slug}/"
        return answer_json(
            render_feed(feed), status=201, headers={"Location": location}
        )


class FeedView(PatchingView):
    permission_classes = [rules(GET=to_feed(None), PATCH=to_feed(Action.MANAGE))]

    @extend_schema(
        operation_id="get_feed",
        summary="One feed, with its room and its head",
        responses={200: serializers.FeedSerializer, **problems()},
    )
    def get(self, request: Request, feed: str) -> HttpResponse:  # noqa: ARG002 (the address's)
        check_parameters(request.GET, set())
        return answer_json(render_feed(opened_feed(request)))

    @extend_schema(
        operation_id="change_feed",
        summary="Change a feed's title, visibility or schema",
        description="A new schema is for the records written from now on.",
        request=serializers.FeedChangeSerializer,
        responses={200: serializers.FeedSerializer, **problems(body=True)},
    )
    def patch(self, request: Request, feed: str) -> HttpResponse:
        before = opened_feed(request)
        refuse_idempotency_key(request, "the same change again changes nothing")
        change = read_change(take_members(request.data, _CHANGEABLE))
        after = change_feed(feed, change)
        if after.visibility != before.visibility:
            note_change(f"made {after.visibility}", by=name_caller(request), feed=feed)
        return answer_json(render_feed(after))


class HeadsView(RestView):
    # Of each feed the statement itself asks.
    permission_classes = [Anyone]

    @extend_schema(
        operation_id="get_heads",
        summary="How far many feeds have come",
        description="Epoch and head of those that you may read; others are left out.",
        parameters=[_SLUGS],
        responses={200: serializers.HeadsSerializer, **problems()},
    )
    def get(self, request: Request) -> HttpResponse:
        check_parameters(request.GET, {"feeds"})
        heads = read_heads(read_slugs(request.GET), find_caller(request))
        return answer_json(f'{{"results":[{",".join(map(render_head, heads))}]}}')


class ConnectionView(RestView):
    permission_classes = [Anyone]

    @extend_schema(
        operation_id="get_connection",
        summary="Where and how to connect over XMPP",
        responses={200: serializers.ConnectionSerializer, **problems()},
    )
    def get(self, request: Request) -> HttpResponse:
        check_parameters(request.GET, set())
        scheme, _, host = conf.public_url.partition("://")
        web_socket = "wss" if scheme == "https" else "ws"
        return answer_json(
            json.dumps(
                {
                    "domain": conf.xmpp_domain,
                    "guest_domain": conf.xmpp_guest_domain,
                    "rooms_domain": conf.xmpp_rooms_domain,
                    "ticket_domain": conf.xmpp_ticket_domain,
                    "websocket_url": f"{web_socket}://{host}/xmpp-websocket",
                    "bosh_url": f"{conf.public_url}/http-bind",
                    "registration": conf.registration,
                }
            )
        )
