"""Many subscribers in one tab: the product's own library, a client for each."""

from __future__ import annotations

from playwright.sync_api import Page

_OPEN = """async ([feed, count]) => {
    const { AvisoClient } = await import("/feed-client/aviso-feed.js");
    window.crowd = Array.from({ length: count }, () => {
        const one = { ids: [], state: "", liveAt: 0, resets: 0, pauses: [] };
        const subscription = new AvisoClient().subscribe(feed);
        subscription.on("events", ({ events }) =>
            one.ids.push(...events.map(event => event.subject)));
        subscription.on("reset", () => { one.resets += 1; });
        subscription.on("state", state => {
            one.state = state.kind;
            if (state.kind === "live") one.liveAt = performance.now();
            if (state.retryAt) one.pauses.push(state.retryAt - Date.now());
        });
        return one;
    });
}"""
_COUNT_LIVE = "() => window.crowd.filter(one => one.state === 'live').length"
# Strings, so that three hundred equal answers are one.
_READINGS = "() => [...new Set(window.crowd.map(one => one.ids.join()))]"
_LIVE_AT = "() => window.crowd.map(one => one.liveAt)"
_TAKE_PAUSES = "() => window.crowd.flatMap(one => one.pauses.splice(0).slice(0, 1))"


class Crowd:
    """`count` guests of one feed, each of whom begins before its first record."""

    def __init__(self, tab: Page, url: str, feed: str, count: int) -> None:
        self.count = count
        self._tab = tab
        tab.goto(f"{url}/favicon.svg")
        tab.evaluate(_OPEN, [feed, count])

    @property
    def live(self) -> int:
        """How many say that they are live."""
        live: int = self._tab.evaluate(_COUNT_LIVE)
        return live

    def readings(self) -> list[list[str]]:
        """The ids that were given out, in order; readers who agree are one reading."""
        readings: list[str] = self._tab.evaluate(_READINGS)
        return [each.split(",") if each else [] for each in readings]

    def returns_s(self) -> list[float]:
        """When each became live, in seconds after the first of them."""
        times: list[float] = self._tab.evaluate(_LIVE_AT)
        return [(each - min(times)) / 1000 for each in times]

    def take_first_pauses_s(self) -> list[float]:
        """How long each meant to wait, since the last call, before its first try."""
        pauses_ms: list[float] = self._tab.evaluate(_TAKE_PAUSES)
        return [each / 1000 for each in pauses_ms]
