"""Many subscribers in one tab: the product's own library, a client for each."""

from __future__ import annotations

from typing import Any, NamedTuple

from playwright.sync_api import Page

# Over WebSockets alone: who waits for 8 s falls back to BOSH, and a browser has no more
# than six requests open at a server.
_OPEN = """async ([feed, count]) => {
    const { AvisoClient } = await import("/feed-client/aviso-feed.js");
    window.crowd = Array.from({ length: count }, () => {
        const one = { ids: [], state: "", liveAt: 0, resets: 0, states: [] };
        const subscription = new AvisoClient("", {transport: "websocket"})
            .subscribe(feed);
        subscription.on("events", ({ events }) =>
            one.ids.push(...events.map(event => event.subject)));
        subscription.on("reset", () => { one.resets += 1; });
        subscription.on("state", state => {
            one.state = state.kind;
            if (state.kind === "live") one.liveAt = performance.now();
            const pauseMs = state.retryAt ? state.retryAt - Date.now() : null;
            one.states.push([performance.now(), state.kind, state.reason, pauseMs]);
        });
        return one;
    });
}"""
_COUNT_LIVE = "() => window.crowd.filter(one => one.state === 'live').length"
# Strings, so that three hundred equal answers are one.
_READINGS = "() => [...new Set(window.crowd.map(one => one.ids.join()))]"
_LIVE_AT = "() => window.crowd.map(one => one.liveAt)"
_TAKE_STATES = "() => window.crowd.map(one => one.states.splice(0))"


class State(NamedTuple):
    at_ms: float
    kind: str
    reason: str | None
    pause_ms: float | None
    """How long it means to wait before it tries again."""


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

    def take_states(self) -> list[list[State]]:
        """What each was since the last call."""
        told: list[list[list[Any]]] = self._tab.evaluate(_TAKE_STATES)
        return [[State(*state) for state in states] for states in told]
