"""How much of one kind may go on at a time in this process, in all and of each caller.

Nobody waits for a place: a request that waits holds a thread, and the threads are what
is shared.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.http import HttpRequest
from rest_framework.request import Request

from aviso.access.caller_names import is_stranger, name_caller
from aviso.problems import Unavailable

_RETRY_AFTER_S = 1


class Places:
    def __init__(self, *, in_all: int, each: int) -> None:
        self._in_all = in_all
        self._each = each
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, caller: str) -> Callable[[], None] | None:
        """Return what gives the place back, at its first call; None if none is left."""
        with self._lock:
            if self._taken.total() >= self._in_all or self._taken[caller] >= self._each:
                return None
            self._taken[caller] += 1
        is_held = [True]

        def give_back() -> None:
            with self._lock:
                if is_held:
                    is_held.clear()
                    self._taken[caller] -= 1
                    # Without those that have none: callers are many.
                    self._taken = +self._taken

        return give_back


# Of the 12 threads of a worker (gunicorn.conf.py), four are left whoever does what.
SENDING_TO_STRANGERS = Places(in_all=4, each=3)
SENDING = Places(in_all=4, each=3)
_SEARCHES = Places(in_all=2, each=1)
_LOGINS = Places(in_all=2, each=1)
_POSITIONS = Places(in_all=4, each=2)


@contextmanager
def search_place(request: HttpRequest | Request) -> Iterator[None]:
    """Have a place while a stranger's search runs. Raises Unavailable."""
    if not is_stranger(request):
        yield
        return
    with _place(_SEARCHES, request, "searches without a key"):
        yield


@contextmanager
def position_place(request: HttpRequest | Request) -> Iterator[None]:
    """Have a place while the relay is waited for. Raises Unavailable."""
    with _place(_POSITIONS, request, "questions for positions"):
        yield


@contextmanager
def login_place(request: HttpRequest) -> Iterator[None]:
    """Have a place while a password is tried, which is made to cost a lot."""
    with _place(_LOGINS, request, "logins"):
        yield


@contextmanager
def _place(places: Places, request: HttpRequest | Request, what: str) -> Iterator[None]:
    give_back = places.take(name_caller(request))
    if give_back is None:
        raise Unavailable(
            f"Too many {what} at this moment: try again in {_RETRY_AFTER_S} s",
            headers={"Retry-After": str(_RETRY_AFTER_S)},
        )
    try:
        yield
    finally:
        give_back()
