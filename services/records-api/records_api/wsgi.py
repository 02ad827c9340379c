"""The entry that gunicorn calls."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from aviso.database.limits import limit_statements

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "records_api.settings")
limit_statements(settings.DATABASES["default"])
application = get_wsgi_application()
