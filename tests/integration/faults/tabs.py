"""Tabs of one browser whose clients share a connection (`aviso-feed/tabs`)."""

from __future__ import annotations

from contextlib import suppress

from playwright.sync_api import BrowserContext, Error, WebSocket

_FOLLOW = """async feed => {
    const { AvisoClient, shareTabs } = await import('/feed-client/aviso-feed.js');
    const told = window.told = { subjects: [], sequences: [], steps: [] };
    const note = (what, facts) => told.steps.push(
        `${Math.round(performance.now())} ${what} ${JSON.stringify(facts)}`,
    );
    const client = new AvisoClient('', { tabs: shareTabs(), debug: note });
    const followed = window.followed = client.subscribe(feed, { history: 10000 });
    followed.on('events', ({ events }) => {
        for (const event of events) {
            told.subjects.push(event.subject);
            told.sequences.push(event.sequence);
        }
    });
    followed.on('reset', ({ sequence }) => note('reset', { sequence }));
    followed.on('state', state => note('feed', state));
}"""


class FollowingTab:
    """A tab that follows a feed from its first event on and keeps what it got."""

    def __init__(self, context: BrowserContext, url: str, feed: str) -> None:
        self.tab = context.new_page()
        self._sockets: list[WebSocket] = []
        self.tab.on("websocket", lambda socket: self._sockets.append(socket))
        self.tab.goto(f"{url}/appearance.js")
        self.tab.evaluate(_FOLLOW, feed)

    @property
    def sockets(self) -> int:
        """How many connections it has open."""
        return sum(not socket.is_closed() for socket in self._sockets)

    @property
    def state(self) -> str:
        state: str = self.tab.evaluate("followed.state.kind")
        return state

    @property
    def position(self) -> int:
        position: int = self.tab.evaluate("followed.position?.sequence ?? 0")
        return position

    def seen(self) -> tuple[list[str], list[int]]:
        """The records' ids and the sequences of all events, as they were given out."""
        told = self.tab.evaluate("told")
        return told["subjects"], told["sequences"]

    def describe(self) -> str:
        """What its client said of itself last."""
        steps: list[str] = self.tab.evaluate("told.steps")
        return "\n".join([f"{self.state} at {self.position}", *steps[-60:]])

    def close(self) -> None:
        self.tab.close()

    def crash(self) -> None:
        """End the tab's process in the middle of whatever it does."""
        with self.tab.expect_event("crash"), suppress(Error):
            self.tab.goto("chrome://crash")
        self.tab.close()
