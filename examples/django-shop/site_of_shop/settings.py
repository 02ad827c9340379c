"""A shop's settings as any project has them, and at their end what Aviso wants."""

import os
from urllib.parse import unquote, urlsplit

DEBUG = True
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "only-for-this-example-" * 3)
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "site_of_shop.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "shop.Person"
LOGIN_URL = "/admin/login/"
STATIC_URL = "/static/"
USE_TZ = True

_database = urlsplit(os.environ["SHOP_DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path[1:],
        "USER": unquote(_database.username or ""),
        "PASSWORD": unquote(_database.password or ""),
        "HOST": _database.hostname,
        "PORT": _database.port or 5432,
    }
}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "shop",
    "aviso",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
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

# Aviso reads AVISO_TICKET_SECRET (and for its relay AVISO_AMQP_URL) here or in the
# environment. This one the shop's own page needs: where <record-feed> comes from.
AVISO_PUBLIC_URL = os.environ.get("AVISO_PUBLIC_URL", "http://localhost:8080")
