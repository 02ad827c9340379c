"""Django's settings: everything that differs between places comes from AVISO_… ."""

from __future__ import annotations

import os
from datetime import timedelta

from aviso.environment import Environment
from records_api.database import parse_database_url

_environment = Environment(os.environ)
_origin = _environment.origin("AVISO_PUBLIC_URL")

# What has no default is wanted at the start; the package reads its others by itself.
AVISO_PUBLIC_URL = f"{_origin.scheme}://{_origin.netloc}"
AVISO_TICKET_SECRET = _environment.secret("AVISO_TICKET_SECRET", min_chars=32)

DEBUG = False
SECRET_KEY = _environment.secret("AVISO_SECRET_KEY", min_chars=32)
ALLOWED_HOSTS = _environment.names(
    "AVISO_ALLOWED_HOSTS", [_origin.hostname or "", "localhost", "127.0.0.1", "[::1]"]
)
DATABASES = {
    "default": parse_database_url(
        "AVISO_DATABASE_URL", _environment.secret("AVISO_DATABASE_URL")
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "aviso",
    "people",
]
MIDDLEWARE = [
    "aviso.monitoring.requests.observe_requests",
    "aviso.limits.large_answers.bound_large_answers",
    "aviso.limits.gone_callers.end_with_callers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "aviso.rest.slashes.SlashMiddleware",
    "aviso.limits.request_bodies.limit_bodies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Before CsrfViewMiddleware looks for its token in the form, which it does when
    # every middleware was entered.
    "aviso.limits.request_bodies.guard_forms",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "aviso.access.permissions.close_unstated",
]
# Ten wrong passwords from one address shut the login to it for a while; by name, anyone
# could lock anyone out.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_CLIENT_IP_CALLABLE = "aviso.access.addresses.address_of"
AXES_LOCKOUT_CALLABLE = "people.lockout.answer_locked_out"
# Else each try while it is shut would keep it shut, for others behind the address too.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
ROOT_URLCONF = "records_api.urls"
WSGI_APPLICATION = "records_api.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "aviso.access.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PARSER_CLASSES": ["aviso.rest.parsing.StrictJsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "aviso.rest.openapi.RuledSchema",
    # OPTIONS is for CORS, which the middleware answers.
    "DEFAULT_METADATA_CLASS": None,
    # What a view does not open is shut.
    "DEFAULT_PERMISSION_CLASSES": ["aviso.access.permissions.Closed"],
    "DEFAULT_THROTTLE_CLASSES": ["aviso.access.throttling.CallerThrottle"],
    "EXCEPTION_HANDLER": "aviso.rest.errors.answer_exception",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Aviso",
    "DESCRIPTION": "Write records; every browser that subscribes to their feed sees"
    " them. Errors are application/problem+json (RFC 9457).",
    "VERSION": "1.0.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["aviso.access.permissions.Anyone"],
    "SERVERS": [{"url": AVISO_PUBLIC_URL}],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "aviso.rest.openapi.allow_overlap",
    ],
    "ENUM_NAME_OVERRIDES": {"VisibilityEnum": "aviso.feeds.models.Feed.Visibility"},
}

# Other origins may call the API with a key; cookies are for this origin only.
CORS_ALLOWED_ORIGINS = _environment.origins("AVISO_CORS_ORIGINS")
CORS_URLS_REGEX = r"^/api/v1/"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "traceparent",
]
CORS_EXPOSE_HEADERS = ["etag", "location", "retry-after"]

_is_https = _origin.scheme == "https"
CSRF_TRUSTED_ORIGINS = [AVISO_PUBLIC_URL]
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = _is_https
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if _is_https else 0
# The web server in front ends TLS and sets the header; nothing else reaches this one.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SILENCED_SYSTEM_CHECKS = [
    # The web server redirects to https; health checks come over plain loopback.
    "security.W008",
    # Subdomains and the browsers' preload lists are for the domain's owner to decide.
    "security.W005",
    "security.W021",
]

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

# Under /api, which the web server hands on anyway. Without AVISO_STATIC_ROOT the files
# come straight out of the installed packages and `collectstatic` is not needed.
STATIC_URL = "/api/static/"
STATIC_ROOT = _environment.optional("AVISO_STATIC_ROOT")
WHITENOISE_USE_FINDERS = STATIC_ROOT is None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "records_api.json_lines.JsonLines"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "json",
        },
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stderr",
            "formatter": "json",
        },
    },
    "root": {"handlers": ["stdout"], "level": "INFO"},
    # Django's own handlers would print the same lines again, as text.
    "loggers": {
        # A command's standard output is its result.
        "aviso.audit": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # Each request has its own line already; what went wrong comes with a traceback.
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": [], "propagate": False},
        # It warns at each of its many tries; the request that fails logs that once.
        "psycopg.pool": {"level": "ERROR"},
    },
}
