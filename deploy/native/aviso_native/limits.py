"""What strangers may ask of ejabberd: the settings that `make up` takes too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import StackError

_REGISTRATIONS = ("open", "limited", "closed")


@dataclass(frozen=True)
class Limits:
    """As .env.example explains them; 0 is no limit."""

    registration: str = "open"
    registrations_per_hour: int = 5
    connections_per_address: int = 2000
    waiting_per_address: int = 500
    wrong_passwords_per_address: int = 50
    rooms_per_session: int = 1000
    login_timeout_s: int = 30
    idle_timeout_s: int = 120


def read_limits(environ: Mapping[str, str]) -> Limits:
    """Raises StackError when a variable is wrong, naming it."""
    registration = environ.get("AVISO_REGISTRATION") or "open"
    if registration not in _REGISTRATIONS:
        raise StackError(
            f"AVISO_REGISTRATION is {registration!r}, "
            f"expected one of {', '.join(_REGISTRATIONS)}"
        )
    known = Limits()
    return Limits(
        registration,
        _read(environ, "REGISTRATIONS_PER_HOUR", known.registrations_per_hour),
        _read(environ, "CONNECTIONS_PER_ADDRESS", known.connections_per_address),
        _read(environ, "WAITING_PER_ADDRESS", known.waiting_per_address),
        _read(
            environ, "WRONG_PASSWORDS_PER_ADDRESS", known.wrong_passwords_per_address
        ),
        _read(environ, "ROOMS_PER_SESSION", known.rooms_per_session),
        _read(environ, "LOGIN_TIMEOUT", known.login_timeout_s, at_least=1),
        _read(environ, "IDLE_TIMEOUT", known.idle_timeout_s, at_least=1),
    )


def _read(
    environ: Mapping[str, str], name: str, default: int, *, at_least: int = 0
) -> int:
    text = environ.get(f"AVISO_{name}") or str(default)
    if text.isdecimal() and int(text) >= at_least:
        return int(text)
    raise StackError(
        f"AVISO_{name} is {text!r}, expected an integer of at least {at_least}"
    )
