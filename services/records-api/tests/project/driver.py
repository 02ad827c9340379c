"""A Django project of somebody else's, in a folder and a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management import call_command

from tests.relay.drivers import SERVICE

TICKET_SECRET = "the-shop-and-the-stack-have-the-same-" * 2
_SETTINGS = """
INSTALLED_APPS += ["aviso", "shop"]
AUTH_USER_MODEL = "shop.Person"
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.postgresql", "NAME": "{name}", "USER": "{user}",
    "PASSWORD": "{password}", "HOST": "{host}", "PORT": "{port}",
}}}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
AVISO_TICKET_SECRET = "{secret}"
ALLOWED_HOSTS = ["*"]
"""
_HEAD = """
import aviso
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q


class Person(AbstractUser):
    nickname = models.CharField(max_length=20, blank=True)

"""
_MAKE_AND_MIGRATE = """
import importlib, django
django.setup()
from django.core.management import call_command
call_command("makemigrations", "shop", interactive=False, skip_checks=False)
importlib.invalidate_caches()
call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
"""
_RUN = """
import json, django
django.setup()
import aviso, aviso.testing
from django.db import connection, transaction
from shop.models import *
def show(value): print("shown", json.dumps(value, default=str))
"""


class Project:
    """`python`: whose packages it has; by default those of the tests, and ours."""

    def __init__(self, folder: Path, database_url: str, python: Path | None = None):
        self.folder = folder
        self.python = str(python or sys.executable)
        path = {} if python else {"PYTHONPATH": str(SERVICE)}
        self.environment = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "site_of_shop.settings",
            "PYTHONDONTWRITEBYTECODE": "1",
            **path,
        }
        call_command("startproject", "site_of_shop", folder)
        url = urlsplit(database_url)
        with (folder / "site_of_shop/settings.py").open("a") as settings:
            settings.write(
                _SETTINGS.format(
                    name=url.path[1:],
                    user=url.username,
                    password=url.password or "",
                    host=url.hostname,
                    port=url.port,
                    secret=TICKET_SECRET,
                )
            )
        for package in ("shop", "shop/migrations"):
            (folder / package).mkdir()
            (folder / package / "__init__.py").touch()
        self.write_models("")

    def write_models(self, models: str) -> None:
        (self.folder / "shop/models.py").write_text(_HEAD + models)

    def migrations(self) -> list[Path]:
        return sorted((self.folder / "shop/migrations").glob("0*.py"))

    def make_and_migrate(self) -> None:
        """Do what the two commands do, in one process: it starts once."""
        self.call("-Werror", "-c", _MAKE_AND_MIGRATE)

    def manage(self, *arguments: str, fails: bool = False) -> str:
        """Return what a command printed, on both its outputs."""
        return self.call("-Werror", "manage.py", *arguments, fails=fails)

    def run(self, code: str) -> Any:
        """Run code in the project; return what it gave `show`."""
        for line in self.call("-c", _RUN + code).splitlines():
            if line.startswith("shown "):
                return json.loads(line.removeprefix("shown "))
        return None

    def call(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, said
        return said
