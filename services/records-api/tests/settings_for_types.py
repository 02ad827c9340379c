"""Settings for mypy's Django plugin, which loads them without starting anything."""

import os

os.environ.setdefault("AVISO_DATABASE_URL", "postgresql://aviso@127.0.0.1/aviso")
os.environ.setdefault("AVISO_PUBLIC_URL", "http://localhost:8080")
os.environ.setdefault("AVISO_SECRET_KEY", "only-for-types-" * 4)
os.environ.setdefault("AVISO_TICKET_SECRET", "only-for-types-" * 4)

from records_api.settings import *  # noqa: F403 (as in records_api.settings)
