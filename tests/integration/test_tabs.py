"""Tabs of one browser: who shares a connection, and what all of them are told."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route

from .api import Api, new_slug
from .conftest import OpenPage
from .page import FeedPage
from .running import Stack
from .test_page import account_kind, sign_in
from .waiting import until, until_equal
from .wire import Wire

PASSWORD = "a-password-of-one-test"
SHARED = "aviso-feed tabs "
"""What the lock and the channel of tabs that share are called."""

_FOLLOW = """async ([feed, options]) => {
    const { AvisoClient, indexedDbLog, shareTabs } = await import(
        '/feed-client/aviso-feed.js'
    );
    const log = indexedDbLog({ private: true });
    window.client = new AvisoClient('', { ...options, log, tabs: shareTabs() });
    window.shown = [];
    window.followed = client.subscribe(feed);
    followed.on('events', ({ events }) => shown.push(
        ...events.map(({ record }) => record?.data.note),
    ));
    followed.on('state', state => {
        if (['no-longer-open', 'credentials', 'signed-out'].includes(state.code)) {
            window.shown = [];
        }
    });
}"""
_STATE = "followed.state.code ?? followed.state.kind"
_KEPT = """() => new Promise((resolve) => {
    const opening = indexedDB.open('aviso-feed');
    opening.onsuccess = () => {
        const rows = opening.result.transaction('feeds').objectStore('feeds').getAll();
        rows.onsuccess = () => {
            opening.result.close();
            resolve(rows.result.map(({ reader, feed }) => `${reader} ${feed}`));
        };
    };
})"""


class Tab:
    """One that follows a feed with the library, and keeps private feeds."""

    def __init__(
        self, context: BrowserContext, url: str, feed: str, options: object
    ) -> None:
        self.page = context.new_page()
        self.page.goto(f"{url}/appearance.js")
        self.follow(feed, options)

    def follow(self, feed: str, options: object) -> None:
        self.page.evaluate(_FOLLOW, [feed, options])

    @property
    def state(self) -> str:
        """The feed's; why, where it is refused."""
        state: str = self.page.evaluate(_STATE)
        return state

    @property
    def shown(self) -> list[str]:
        shown: list[str] = self.page.evaluate("shown")
        return shown

    @property
    def transport(self) -> str | None:
        transport: str | None = self.page.evaluate("client.transport")
        return transport

    def kept(self) -> list[str]:
        """Of which feeds this browser keeps events, each behind its reader."""
        kept: list[str] = self.page.evaluate(_KEPT)
        return kept


OpenTab = Callable[..., Tab]


@pytest.fixture
def wire(make_wire: Callable[..., Wire]) -> Wire:
    """The browser's way to the server."""
    return make_wire()


@pytest.fixture
def open_tab(stack: Stack, browser: Browser, wire: Wire) -> Iterator[OpenTab]:
    """Open tabs of one browser, a guest's unless `options` of the client say more."""
    context = browser.new_context(proxy={"server": wire.url})

    def open_one(feed: str, *, url: str = "", **options: object) -> Tab:
        return Tab(context, url or stack.url, feed, options)

    yield open_one
    context.close()


@pytest.fixture
def private_feed(api: Api, private_feed: str) -> str:
    """With a record in it."""
    api.write(private_feed, {"note": "from before"})
    return private_feed


@pytest.fixture
def account(stack: Stack, api: Api, private_feed: str) -> dict[str, str]:
    """One that reads the private feed."""
    return make_account(stack, api, private_feed)


def test_an_account_s_tabs_share_one_connection_and_one_sign_out(
    api: Api, private_feed: str, account: dict[str, str], wire: Wire, open_tab: OpenTab
) -> None:
    tabs = [open_tab(private_feed, credentials=account) for _ in range(3)]
    wait_for_states(tabs, "live")
    api.write(private_feed, {"note": "for all"})
    wait_for_shown(tabs, ["from before", "for all"])
    wait_for_connections(wire, 1)
    mine = f"account:{account['username']} {private_feed}"
    until(lambda: mine in tabs[0].kept(), "the feed to be kept")

    tabs[1].page.evaluate("client.signOut()")

    wait_for_states(tabs, "signed-out")
    wait_for_shown(tabs, [])
    until_equal([], tabs[0].kept, "what is kept")
    wait_for_connections(wire, 0)

    # The next one who reads in one of them is nobody to the others.
    tabs[0].follow(private_feed, {"credentials": account})
    wait_for_states(tabs[:1], "live")
    wait_for_states(tabs[1:], "signed-out")


def test_a_tab_of_another_account_reads_what_is_his(
    stack: Stack,
    api: Api,
    private_feed: str,
    account: dict[str, str],
    wire: Wire,
    open_tab: OpenTab,
) -> None:
    other_feed = new_slug("private")
    api.create_feed(other_feed, visibility="private")
    other = make_account(stack, api, other_feed)
    tabs = [open_tab(private_feed, credentials=account) for _ in range(3)]
    wait_for_states(tabs, "live")

    tabs[0].page.evaluate("client.close()")
    tabs[0].follow(other_feed, {"credentials": other})

    wait_for_states(tabs, "live")
    api.write(private_feed, {"note": "mine"})
    api.write(other_feed, {"note": "his"})
    wait_for_shown(tabs[:1], ["his"])
    wait_for_shown(tabs[1:], ["from before", "mine"])
    wait_for_connections(wire, 2)
    tabs[0].page.evaluate("client.signOut()")
    wait_for_states(tabs[:1], "signed-out")
    api.write(private_feed, {"note": "still mine"})
    wait_for_shown(tabs[1:], ["from before", "mine", "still mine"])


def test_a_revoke_is_told_in_all_tabs_and_so_is_a_grant(
    api: Api, private_feed: str, account: dict[str, str], open_tab: OpenTab
) -> None:
    tabs = [open_tab(private_feed, credentials=account) for _ in range(3)]
    # What REST has is shown before the room lets a tab in.
    wait_for_states(tabs, "live")
    wait_for_shown(tabs, ["from before"])
    mine = f"account:{account['username']} {private_feed}"
    until(lambda: mine in tabs[0].kept(), "the feed to be kept")

    api.revoke(private_feed, f"{account['username']}@localhost")

    wait_for_states(tabs, "no-longer-open")
    wait_for_shown(tabs, [])
    until_equal([], tabs[0].kept, "what is kept")

    api.grant(private_feed, f"{account['username']}@localhost")

    wait_for_states(tabs, "live")
    wait_for_shown(tabs, ["from before"])


def test_a_changed_password_ends_the_reading_in_all_tabs(
    stack: Stack, private_feed: str, account: dict[str, str], open_tab: OpenTab
) -> None:
    tabs = [open_tab(private_feed, credentials=account) for _ in range(3)]
    # What REST has is shown before the room lets a tab in.
    wait_for_states(tabs, "live")
    wait_for_shown(tabs, ["from before"])
    mine = f"account:{account['username']} {private_feed}"
    until(lambda: mine in tabs[0].kept(), "the feed to be kept")
    him = {"user": account["username"], "host": "localhost"}

    stack.ask_ejabberd("change_password", {**him, "newpass": "another-password"})
    stack.ask_ejabberd("kick_user", him)

    wait_for_states(tabs, "credentials")
    wait_for_shown(tabs, [])
    until_equal([], tabs[0].kept, "what is kept")


@pytest.mark.parametrize("passes_websocket", [True, False], ids=["websocket", "bosh"])
def test_an_account_that_is_removed_reads_no_more_in_any_tab(
    stack: Stack,
    private_feed: str,
    account: dict[str, str],
    wire: Wire,
    open_tab: OpenTab,
    passes_websocket: bool,
) -> None:
    wire.passes_websocket = passes_websocket
    tabs = [open_tab(private_feed, credentials=account) for _ in range(3)]
    # What REST has is shown before the room lets a tab in.
    wait_for_states(tabs, "live")
    wait_for_shown(tabs, ["from before"])
    mine = f"account:{account['username']} {private_feed}"
    until(lambda: mine in tabs[0].kept(), "the feed to be kept")
    him = {"user": account["username"], "host": "localhost"}

    stack.ask_ejabberd("unregister", him)

    wait_for_states(tabs, "credentials")
    wait_for_shown(tabs, [])
    until_equal([], tabs[0].kept, "what is kept")


def test_tabs_that_may_not_share_do_not(
    stack: Stack, api: Api, feed: str, wire: Wire, open_tab: OpenTab
) -> None:
    """Of another version of the library, and at another address of the server."""
    tabs = [open_tab(feed), open_tab(feed)]
    for _ in range(2):
        tabs.append(open_tab(feed, url=f"http://127.0.0.1:{stack.port}"))
    tabs[0].page.context.route("**/feed-client/**", of_a_later_version)
    tabs += [open_tab(feed), open_tab(feed)]
    wait_for_states(tabs, "live")

    wait_for_connections(wire, 3)
    api.write(feed, {"note": "for all"})
    wait_for_shown(tabs, ["for all"])


def test_tabs_share_long_polling_and_its_leader_may_go(
    api: Api, feed: str, wire: Wire, open_tab: OpenTab
) -> None:
    wire.passes_websocket = False
    tabs = [open_tab(feed) for _ in range(3)]
    polling: set[Page] = set()

    def note(request: Request) -> None:
        if "/http-bind" in request.url:
            polling.add(request.frame.page)

    def who_polls() -> int:
        """Of those who do until one more record is there in each tab."""
        polling.clear()
        notes.append(api.write(feed, {"note": uuid.uuid4().hex})["data"]["note"])
        wait_for_shown(tabs, notes)
        return len(polling)

    notes: list[str] = []
    tabs[0].page.context.on("request", note)
    wait_for_states(tabs, "live")
    until_equal(1, who_polls, "tabs with a connection")
    assert [tab.transport for tab in tabs] == ["bosh"] * 3

    [page] = polling
    page.close()
    tabs = [tab for tab in tabs if tab.page is not page]
    until_equal(1, who_polls, "tabs with a connection")
    wait_for_states(tabs, "live")


def test_signing_out_on_the_page_is_signing_out_in_all_its_tabs(
    feed: str, private_feed: str, account: dict[str, str], open_page: OpenPage
) -> None:
    first = open_page(feed)
    pages = [first, FeedPage(first.tab.context.new_page(), first.url, feed).open()]
    for page in pages:
        sign_in(page, account["username"], account["password"])
        until(lambda page=page: account_kind(page) == "account", "the account")
        page.look_for(private_feed)
        page.tab.click(f'[data-feed-link="{private_feed}"]')
        page.tab.get_by_text("from before").first.wait_for()

    pages[1].tab.click('[data-action="sign-out"]')

    for page in pages:
        until(lambda page=page: account_kind(page) == "guest", "a guest")
        until(lambda page=page: "from before" not in page.tab.content(), "it to go")


def of_a_later_version(route: Route) -> None:
    answer = route.fetch()
    body = answer.text().replace(SHARED, f"{SHARED}later ")
    route.fulfill(response=answer, body=body)


def make_account(stack: Stack, api: Api, feed: str) -> dict[str, str]:
    name = f"ada-{uuid.uuid4().hex[:8]}"
    him = {"user": name, "host": "localhost", "password": PASSWORD}
    stack.ask_ejabberd("register", him)
    api.grant(feed, f"{name}@localhost")
    return {"kind": "account", "username": name, "password": PASSWORD}


def wait_for_connections(wire: Wire, count: int) -> None:
    """One that was left ends a moment later."""
    until_equal(count, lambda: wire.websockets, "connections")


def wait_for_states(tabs: list[Tab], state: str) -> None:
    until_equal(
        [state] * len(tabs), lambda: [tab.state for tab in tabs], "the tabs' states"
    )


def wait_for_shown(tabs: list[Tab], notes: list[str]) -> None:
    until_equal(
        [notes] * len(tabs), lambda: [tab.shown for tab in tabs], "what is shown"
    )
