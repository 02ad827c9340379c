"""A document of the server with nothing on it but what a test puts there."""

from __future__ import annotations

from playwright.sync_api import Page

_ELEMENT = """async attributes => {
    await import('/feed-client/aviso-feed.js');
    const element = document.createElement('record-feed');
    for (const [name, value] of Object.entries(attributes)) {
        element.setAttribute(name, value);
    }
    document.body.replaceChildren(element);
}"""
_NEWEST = (
    "() => document.querySelector('record-feed').shadowRoot"
    ".querySelector('[part=value]')?.textContent ?? ''"
)


class BarePage:
    """Any text that the server hands out is a document, and may load its scripts."""

    def __init__(self, tab: Page, url: str) -> None:
        self.tab = tab
        self._tools = tab.context.new_cdp_session(tab)
        tab.goto(f"{url}/appearance.js")

    def show(self, **attributes: str) -> None:
        """Put a `<record-feed>` with these attributes on it, alone."""
        self.tab.evaluate(_ELEMENT, attributes)

    @property
    def newest(self) -> str:
        """The first field of the newest record that the element shows; "" for none."""
        text: str = self.tab.evaluate(_NEWEST)
        return text

    def heap_bytes(self) -> int:
        """What the page's scripts hold, after everything else was collected."""
        for _ in range(3):
            self._tools.send("HeapProfiler.collectGarbage")
        used: int = self._tools.send("Runtime.getHeapUsage")["usedSize"]
        return used
