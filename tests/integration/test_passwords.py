"""What was registered signs in, whatever characters its password has (RFC 4013)."""

from __future__ import annotations

import uuid
from contextlib import closing

import pytest

from .chat import Chat
from .conftest import OpenPage
from .page import FeedPage
from .running import Stack
from .test_page import account_kind, fill_account, open_sign_in, sign_in
from .waiting import until

# Each has characters that SASLprep maps, or leaves out, or that NFKC folds.
PASSWORDS = {
    "ordinal": "12345678º",
    "half": "two-and-½",
    "full width": "ｆｕｌｌ-width",
    "decomposed": "cafe\u0301-noir",
    "trailing no-break space": "eight-or-more\u00a0",
    "soft hyphen": "soft\u00adhyphen",
}


@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
def test_an_account_made_on_the_page_signs_in_there_and_in_a_chat_client(
    password: str, stack: Stack, feed: str, open_page: OpenPage
) -> None:
    name = new_name()
    page = open_page(feed)

    open_sign_in(page)
    page.tab.get_by_role("button", name="I need an account").click()
    fill_account(page, name, password)
    page.tab.get_by_role("dialog").get_by_role("button", name="Create account").click()

    wait_for_account(page)
    with closing(Chat(stack.facts["xmpp"], (name, password))):
        pass


@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
def test_an_account_made_in_a_chat_client_signs_in_there_and_on_the_page(
    password: str, stack: Stack, feed: str, open_page: OpenPage
) -> None:
    name = new_name()
    with closing(Chat(stack.facts["xmpp"], (name, password), register=True)):
        page = open_page(feed)

        sign_in(page, name, password)

        wait_for_account(page)


def test_what_the_server_takes_in_no_password_is_named(
    stack: Stack, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    open_sign_in(page)
    page.tab.get_by_role("button", name="I need an account").click()
    fill_account(page, new_name(), "rabbit-🐇-hole")
    page.tab.get_by_role("dialog").get_by_role("button", name="Create account").click()

    page.tab.get_by_text("The server takes no 🐇 (U+1F407) in a password.").wait_for()


def wait_for_account(page: FeedPage) -> None:
    until(lambda: account_kind(page) == "account", "the account to be signed in")


def new_name() -> str:
    return f"reader-{uuid.uuid4().hex[:8]}"
