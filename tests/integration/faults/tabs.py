"""One tab that follows a feed with a client that shares (`aviso-feed/tabs`)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from playwright.sync_api import BrowserContext, Error

from ..waiting import until

HISTORY = 10_000
"""With so many of the newest events a tab begins."""

SPY = """(() => {
    const sockets = window.sockets = [];
    window.WebSocket = class extends WebSocket {
        constructor(...all) {
            super(...all);
            sockets.push(this);
        }
    };
    // As which leader this tab spoke, and when it was frozen and came back.
    const led = window.led = [];
    const post = BroadcastChannel.prototype.postMessage;
    BroadcastChannel.prototype.postMessage = function (said) {
        if (said.count > 0 && led.at(-1) !== said.generation) led.push(said.generation);
        return post.call(this, said);
    };
    const back = () => led.push('back');
    document.addEventListener('freeze', () => led.push('frozen'));
    document.addEventListener('resume', back);
    window.addEventListener('pageshow', ({ persisted }) => persisted && back());
})()"""
_FOLLOW = """async ([feed, history, elements]) => {
    const { AvisoClient, shareTabs } = await import('/feed-client/aviso-feed.js');
    for (let n = 0; n < elements; n += 1) {
        const element = document.createElement('record-feed');
        element.setAttribute('feed', feed);
        document.body.append(element);
    }
    const told = window.told = { subjects: [], sequences: [], steps: [] };
    const note = (what, facts) => told.steps.push(
        `${Math.round(performance.now())} ${what} ${JSON.stringify(facts)}`,
    );
    const client = new AvisoClient('', { tabs: shareTabs(), debug: note });
    const followed = window.followed = client.subscribe(feed, { history });
    followed.on('events', ({ events }) => {
        for (const event of events) {
            told.subjects.push(event.subject);
            told.sequences.push(event.sequence);
        }
    });
    followed.on('reset', ({ sequence }) => note('reset', { sequence }));
    followed.on('state', state => note('feed', state));
}"""
_ELEMENTS = """() => [...document.querySelectorAll('record-feed')].map(
    ({ shadowRoot }) => [
        shadowRoot.querySelector('[part=state]').textContent.trim(),
        [...shadowRoot.querySelectorAll('[part=value]')].map(each => +each.textContent),
    ])"""


class FollowingTab:
    """A tab that follows a feed from its first event on and keeps what it got.

    `elements`: so many `<record-feed>` stand on its page too.
    """

    def __init__(
        self, context: BrowserContext, url: str, feed: str, elements: int = 0
    ) -> None:
        self.tab = context.new_page()
        self.elements = elements
        self._url = url
        self.is_away = False
        """It does nothing, and can be asked nothing."""
        self._tools = context.new_cdp_session(self.tab)
        self.tab.goto(f"{url}/appearance.js")
        self.tab.evaluate(_FOLLOW, [feed, HISTORY, elements])

    @property
    def sockets(self) -> int:
        """How many connections it has, or is about to have."""
        sockets: int = self.tab.evaluate(
            "sockets.filter(({ readyState }) => readyState <= WebSocket.OPEN).length"
        )
        return sockets

    @property
    def state(self) -> str:
        state: str = self.tab.evaluate("followed.state.kind")
        return state

    @property
    def position(self) -> int:
        position: int = self.tab.evaluate("followed.position?.sequence ?? 0")
        return position

    @property
    def led(self) -> list[Any]:
        """As which leader it spoke (a generation); "frozen" and "back" between."""
        led: list[Any] = self.tab.evaluate("led")
        return led

    def _led_if_there(self) -> list[Any]:
        try:
            led: list[Any] = self.tab.evaluate("window.led ?? []")
        except Error:  # between the two pages
            return []
        return led

    def seen(self) -> tuple[list[str], list[int]]:
        """The records' ids and the sequences of all events, as they were given out."""
        told = self.tab.evaluate("told")
        return told["subjects"], told["sequences"]

    def shown(self) -> list[tuple[str, list[int]]]:
        """Each element's state and the numbers of its records, the newest first."""
        return [(state, shown) for state, shown in self.tab.evaluate(_ELEMENTS)]

    def describe(self) -> str:
        """What its client said of itself last."""
        if self.is_away:
            return "away"
        steps: list[str] = self.tab.evaluate("told.steps")
        return "\n".join([f"{self.state} at {self.position}", *steps[-60:]])

    def close(self) -> None:
        self.tab.close()

    def crash(self) -> None:
        """End the tab's process in the middle of whatever it does."""
        with self.tab.expect_event("crash"), suppress(Error):
            self.tab.goto("chrome://crash")
        self.tab.close()

    def hide(self) -> None:
        """As when another tab is looked at: its timers go once a minute from now on."""
        self._show_window("minimized")
        until(lambda: self._is_visible() is False, "the tab to be hidden")

    def show(self) -> None:
        self._show_window("normal")
        until(self._is_visible, "the tab to be visible")

    def _show_window(self, state: str) -> None:
        window = self._tools.send("Browser.getWindowForTarget")["windowId"]
        change = {"windowId": window, "bounds": {"windowState": state}}
        self._tools.send("Browser.setWindowBounds", change)

    def _is_visible(self) -> bool:
        return bool(self.tab.evaluate("document.visibilityState === 'visible'"))

    def freeze(self) -> None:
        """As a browser does with a tab that nobody looks at for long."""
        self.hide()
        before = len(self.led)
        self.is_away = True
        self._tools.send("Page.setWebLifecycleState", {"state": "frozen"})
        until(lambda: "frozen" in self.led[before:], "the tab to be frozen")

    def thaw(self) -> None:
        self._tools.send("Page.setWebLifecycleState", {"state": "active"})
        self.show()
        self.is_away = False

    def leave(self) -> None:
        """Go to another page; the browser keeps this one for the way back."""
        self.is_away = True
        self.tab.goto(f"{self._url}/appearance.js?another")

    def return_(self) -> None:
        history = self._tools.send("Page.getNavigationHistory")
        entry = history["entries"][history["currentIndex"] - 1]
        self._tools.send("Page.navigateToHistoryEntry", {"entryId": entry["id"]})
        until(lambda: "back" in self._led_if_there(), "the page that was kept")
        self.is_away = False

    def stand_still(self) -> None:
        """Without a word before: at the next thing that it does."""
        stopped: list[object] = []
        self._tools.once("Debugger.paused", lambda event: stopped.append(event))
        self._tools.send("Debugger.enable")
        self._tools.send("Debugger.pause")
        self.is_away = True
        # What is waited for is heard of in calls alone.
        until(lambda: self.tab.wait_for_timeout(1) or stopped, "the tab to stand still")

    def go_on(self) -> None:
        self._tools.send("Debugger.resume")
        self._tools.send("Debugger.disable")
        self.is_away = False
