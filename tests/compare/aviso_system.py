"""Aviso, as `make run` starts it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from playwright.sync_api import Page

from ..integration.api import Api, new_slug
from ..integration.page import FeedPage
from ..integration.running import Stack
from .system import Break


class Aviso:
    name = "Aviso"

    def start(self) -> None:
        run_dir = Path(tempfile.mkdtemp(prefix="aviso-"))
        run_dir.chmod(0o711)  # PostgreSQL runs as another user when root tests
        self._stack = Stack(run_dir)
        self._stack.start()
        self._api = Api(self._stack.url, self._stack.facts["api_key"])

    def stop(self) -> None:
        self._stack.interrupt_if_running()
        shutil.rmtree(self._stack.run_dir)

    def begin(self) -> None:
        self._feed = new_slug("compared")
        self._api.create_feed(self._feed)

    def write(self, record: str) -> bool:
        path = f"feeds/{self._feed}/records/"
        body = {"id": record, "data": {"id": record}}
        try:
            return self._api.call("POST", path, body).status == 201
        except (OSError, HTTPException):
            self._api.close()
            return False

    def subscribe(self, tab: Page) -> None:
        self._page = FeedPage(tab, self._stack.url, self._feed).open()

    def shown(self, tab: Page) -> list[str]:
        return [row.record_id for row in reversed(self._page.rows())]

    @property
    def breaks(self) -> Mapping[str, Break]:
        return {
            "broker": lambda: self._kill("rabbitmq"),
            "push": lambda: self._kill("ejabberd"),
            "web": lambda: self._kill("records-api"),
        }

    @contextmanager
    def _kill(self, part: str) -> Iterator[None]:
        pid = self._stack.kill_part(part)
        yield
        self._stack.wait_for_another(part, pid)
