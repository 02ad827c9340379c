"""Every page of the admin site, where Django looks for them."""

import aviso.access.admin
import aviso.events.admin
import aviso.feeds.admin
import aviso.parked.admin
import aviso.readers.admin
import aviso.records.admin  # noqa: F401 (registering is what they are imported for)
