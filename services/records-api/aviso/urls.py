"""The addresses of the API, of its description, and of what watches it."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from aviso.events.views import EventsView
from aviso.feeds.views import ConnectionView, FeedsView, FeedView, HeadsView
from aviso.monitoring.health import healthz, readyz
from aviso.monitoring.metrics import show_metrics
from aviso.names.slugs import SLUG_PATTERN
from aviso.readers.views import ReadersView, ReaderView, TicketsView
from aviso.records.views import RecordsView, RecordView


class SlugConverter(StringConverter):
    regex = SLUG_PATTERN


class KeyConverter(StringConverter):
    """A record's key: any text, also with slashes and line breaks."""

    regex = r"(?s:.{1,1024})"


register_converter(SlugConverter, "feed")
register_converter(KeyConverter, "key")

urlpatterns = [
    path("api/v1/feeds/", FeedsView.as_view()),
    path("api/v1/feeds/<feed:feed>/", FeedView.as_view()),
    path("api/v1/feeds/<feed:feed>/records/", RecordsView.as_view()),
    path("api/v1/feeds/<feed:feed>/records/<key:record_id>/", RecordView.as_view()),
    path("api/v1/feeds/<feed:feed>/events/", EventsView.as_view()),
    path("api/v1/feeds/<feed:feed>/readers/", ReadersView.as_view()),
    path("api/v1/feeds/<feed:feed>/readers/<str:reader>/", ReaderView.as_view()),
    path("api/v1/heads/", HeadsView.as_view()),
    path("api/v1/tickets/", TicketsView.as_view()),
    path("api/v1/connection/", ConnectionView.as_view()),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    # Its script apart from its page: the Content-Security-Policy allows none inline.
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(
            url_name="schema", template_name="aviso/api_docs.html"
        ),
    ),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", show_metrics),
]
