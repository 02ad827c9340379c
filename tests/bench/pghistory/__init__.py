"""A Django project that keeps its accounts' history with django-pghistory."""
