"""What one address may ask for, in the container's ejabberd, which is newer.

The gateway is asked in each of its networks, which only Linux lets its host do: in each
we come from another address.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from integration.chat import condition_of
from integration.waiting import until
from integration.xmpp_socket import Closed, WebSocket, XmppSocket

from .stack import ComposeStack

pytestmark = pytest.mark.timeout(900)

PASSWORD = "a-password-of-one-test"
WAITING, WRONG_PASSWORDS, ACCOUNTS = 10, 5, 2
# Small, so that they are reached soon; who waits for a login has time to be counted.
_LIMITS = {
    "ADDRESS_WAITING": str(WAITING),
    "ADDRESS_FAILURES": str(WRONG_PASSWORDS),
    "REGISTRATION": "limited",
    "REGISTRATIONS_PER_HOUR": str(ACCOUNTS),
    "NEGOTIATION_TIMEOUT": "600",
}


class Place:
    """An address from which the gateway is asked."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway

    def open(self, host: str = "guest.localhost", forged: str = "") -> XmppSocket:
        headers = f"X-Forwarded-For: {forged}\r\n" if forged else ""
        return XmppSocket(8080, host, address=self._gateway, headers=headers)

    def open_silent(self) -> WebSocket:
        return WebSocket(8080, address=self._gateway)

    def connects(self) -> bool:
        """Whether a guest is let in."""
        try:
            with closing(self.open()) as guest:
                guest.log_in()
        except (Closed, TimeoutError):
            return False
        return True

    def sign_in(self, name: str, password: str, forged: str = "") -> str:
        """Return the condition of the refusal; empty when an account is let in."""
        with closing(self.open("localhost", forged)) as client:
            try:
                client.log_in(name, password)
            except Closed as refusal:
                return str(refusal)
        return ""

    def make_account(self, name: str) -> str:
        """Return the condition of the refusal; empty when it was made."""
        with closing(self.open("localhost")) as client:
            return condition_of(client.register(name, PASSWORD))


@pytest.fixture(scope="module")
def strict(
    stack: ComposeStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComposeStack]:
    """The stack with limits that are small; what was counted ends with ejabberd."""
    environment = {f"EJABBERD_MACRO_{name}": each for name, each in _LIMITS.items()}
    folder = tmp_path_factory.mktemp("gate")
    with stack.other_ejabberd(folder, {"environment": environment}):
        yield stack


@pytest.fixture(scope="module")
def places(strict: ComposeStack) -> dict[str, Place]:
    """By the gateway's networks."""
    networks = strict.containers()["gateway"]["NetworkSettings"]["Networks"]
    places = {
        name.removeprefix(f"{strict.project}_"): Place(each["IPAddress"])
        for name, each in networks.items()
    }
    for each in places.values():
        until(each.connects, "ejabberd behind the gateway")
    return places


def test_wrong_passwords_shut_out_who_guesses_and_nobody_else(
    places: dict[str, Place],
) -> None:
    guesser, other = places["page"], places["api"]
    name = new_name()
    assert other.make_account(name) == ""
    assert guesser.sign_in(name, "wrong") == "not-authorized"

    for number in range(1, WRONG_PASSWORDS):
        assert guesser.sign_in(name, "wrong", forged=f"203.0.113.{number}") != ""

    assert guesser.sign_in(name, PASSWORD) == "policy-violation"
    assert guesser.connects()
    assert other.sign_in(name, PASSWORD) == ""


def test_so_many_wait_at_one_address_and_others_are_let_in(
    places: dict[str, Place],
) -> None:
    crowded, other = places["api"], places["page"]
    with ExitStack() as inside, ExitStack() as silent:
        # Who is in does not wait any more.
        for _ in range(WAITING):
            inside.enter_context(closing(crowded.open())).log_in()
        assert crowded.connects()

        def is_full() -> bool:
            # Those of the beginning may have run out of time meanwhile.
            for _ in range(WAITING):
                with contextlib.suppress(Closed):
                    silent.enter_context(closing(crowded.open_silent()))
            return not crowded.connects()

        until(is_full, "the address to be full")
        assert other.connects()
        silent.close()
        until(crowded.connects, "the place of who has gone to be free")


def test_so_many_accounts_are_made_from_one_address(places: dict[str, Place]) -> None:
    made = [places["xmpp"].make_account(new_name()) for _ in range(ACCOUNTS + 1)]

    assert made == [""] * ACCOUNTS + ["resource-constraint"]
    assert places["front"].make_account(new_name()) == ""


def new_name() -> str:
    return f"reader-{uuid.uuid4().hex[:8]}"
