"""The page in one tab of Chromium, read as its README says scripts may read it."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import (
    ConsoleMessage,
    Dialog,
    Error,
    Locator,
    Page,
    expect,
)

from .waiting import ALIVE_S, until, until_equal

_ROWS = """feed => [...document.querySelectorAll(
    `[data-feed="${feed}"] [data-record-id]`
)].map(({dataset: d}) => [d.recordId, +d.sequence, +(d.version ?? 0), d.state])"""


@dataclass(frozen=True)
class Row:
    record_id: str
    sequence: int
    version: int
    state: str


class FeedPage:
    """One feed on the page. `faults` collects what must never happen on any page."""

    def __init__(self, tab: Page, url: str, feed: str) -> None:
        self.tab = tab
        self.feed = feed
        self.url = url
        self.faults: list[str] = []
        self.console: list[str] = []
        tab.on("pageerror", self._note_error)
        tab.on("dialog", self._note_dialog)
        tab.on("console", self._note_console)

    def open(self) -> FeedPage:
        """Load the page at this feed, as cards, and wait until it is live."""
        self.go_to("?view=cards")
        self.wait_for_state("live")
        return self

    def go_to(self, rest: str) -> None:
        """Load the page at what the address says beyond the feed, and wait likewise."""
        self.tab.goto(f"{self.url}/#/feeds/{self.feed}{rest}")
        self.wait_for_state("live")

    def reload(self) -> None:
        self.tab.reload()
        self.wait_for_state("live")

    @property
    def list(self) -> Locator:
        return self.tab.locator(f'[data-feed="{self.feed}"]')

    @property
    def state(self) -> str:
        states: list[str] = self.tab.evaluate(
            "() => [...document.querySelectorAll('[data-connection-state]')]"
            ".map(each => each.dataset.connectionState)"
        )
        return " ".join(states)

    @property
    def transport(self) -> str:
        """How the page says that it is connected."""
        return self.tab.locator(".state-transport").inner_text()

    @property
    def position(self) -> int:
        """The newest sequence that is shown; -1 when the feed is not on the page."""
        return self._number("position")

    @property
    def count(self) -> int:
        return self._number("count")

    def rows(self) -> list[Row]:
        """What is shown, in the order of the page: newest first."""
        return [Row(*values) for values in self.tab.evaluate(_ROWS, self.feed)]

    def row(self, record_id: str) -> Locator:
        return self.list.locator(f'[data-record-id="{record_id}"]')

    def look_for(self, feed: str) -> None:
        """Have the list show this feed, should it be open to the reader."""
        expect(self.tab.locator(".feed-skeletons")).to_have_count(0)
        search = self.tab.locator("[data-feed-search]")
        if search.count():  # not where the list is short
            search.fill(feed)

    def write_json(self, text: str, key: str) -> None:
        """Write a record by the form, in its JSON view; its outcome comes later."""
        self.tab.click('[data-action="write"]')
        form = self.tab.locator("write-panel")
        form.get_by_role("button", name="JSON", exact=True).click()
        form.locator("#write-json").fill(text)
        form.locator("#write-key").fill(key)
        form.locator('[type="submit"]').click()

    def wait_for_state(self, state: str, timeout_s: float = ALIVE_S) -> None:
        until_equal(state, lambda: self.state, "the page's connection", timeout_s)

    def wait_for_position(self, sequence: int, timeout_s: float = ALIVE_S) -> None:
        until_equal(sequence, lambda: self.position, "the page's position", timeout_s)

    def wait_for_rows(self, expected: list[str], timeout_s: float = ALIVE_S) -> None:
        """Wait until exactly these records are shown, the newest first."""
        until_equal(
            expected,
            lambda: [row.record_id for row in self.rows()],
            "the page's rows",
            timeout_s,
        )

    def wait_for_record(self, record_id: str, timeout_s: float = ALIVE_S) -> Row:
        """Wait until the record has a row, and return that."""
        [row] = until(
            lambda: [row for row in self.rows() if row.record_id == record_id],
            f"record {record_id} on the page",
            timeout_s,
        )
        return row

    def _number(self, name: str) -> int:
        values: list[str] = self.tab.evaluate(
            "([feed, name]) => [...document.querySelectorAll(`[data-feed='${feed}']`)]"
            ".map(each => each.dataset[name])",
            [self.feed, name],
        )
        return int(values[0]) if values else -1

    def _note_error(self, error: Error) -> None:
        self.faults.append(f"uncaught: {error}")

    def _note_dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _note_console(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")
        if "Content Security Policy" in message.text:
            self.faults.append(message.text)
