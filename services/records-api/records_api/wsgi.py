"""The entry that gunicorn calls."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from aviso.database.limits import limit_statements

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "records_api.settings")
limit_statements(settings.DATABASES["default"])
_framework = get_wsgi_application()

# Behind it: what they import needs Django's apps.
from aviso.monitoring.requests import note_answer  # noqa: E402
from aviso.records.hot_write import write_at_once  # noqa: E402

application = write_at_once(_framework, note_answer)
