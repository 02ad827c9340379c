"""Every page of the admin site, where Django looks for them.

Records and their keys belong to the REST service: a project that only tracks its own
models has no pages for them.
"""

from django.apps import apps

import aviso.capture.admin
import aviso.events.admin
import aviso.feeds.admin
import aviso.parked.admin
import aviso.readers.admin

if apps.is_installed("rest_framework"):
    import aviso.access.admin
    import aviso.records.admin  # noqa: F401 (registering is what they are imported for)
