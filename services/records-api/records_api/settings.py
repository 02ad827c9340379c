"""Django's settings: everything that differs between places comes from AVISO_… ."""

from __future__ import annotations

import os

from records_api.database import parse_database_url
from records_api.environment import Environment

_environment = Environment(os.environ)
_origin = _environment.origin("AVISO_PUBLIC_URL")

# Aviso's own. Links in answers start with PUBLIC_URL, whatever Host a proxy sends.
PUBLIC_URL = f"{_origin.scheme}://{_origin.netloc}"
XMPP_DOMAIN = _environment.domain("AVISO_XMPP_DOMAIN", "localhost")
XMPP_GUEST_DOMAIN = _environment.domain(
    "AVISO_XMPP_GUEST_DOMAIN", f"guest.{XMPP_DOMAIN}"
)
XMPP_ROOMS_DOMAIN = _environment.domain(
    "AVISO_XMPP_ROOMS_DOMAIN", f"feeds.{XMPP_DOMAIN}"
)

DEBUG = False
SECRET_KEY = _environment.secret("AVISO_SECRET_KEY", min_chars=32)
ALLOWED_HOSTS = _environment.names(
    "AVISO_ALLOWED_HOSTS", [_origin.hostname or "", "localhost", "127.0.0.1"]
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
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "feeds",
    "records",
    "events",
    "access",
    "relay",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
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
        }
    },
    "root": {"handlers": ["stdout"], "level": "INFO"},
    # Django's own handlers would print the same lines again, as text.
    "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}},
}
