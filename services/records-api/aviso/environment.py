"""The environment variables, read strictly.

A value that is missing or wrong stops the start and names its variable; nothing is
guessed. A secret comes as NAME or as a file named by NAME_FILE, and has no default.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class SettingError(ImproperlyConfigured):
    """An environment variable is missing or wrong; the message names it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Reads typed values out of `source`; an empty value counts as missing."""

    source: Mapping[str, str]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.source.get(name, "").strip()
        if value:
            return value
        if default is None:
            raise SettingError(f"{name} is missing")
        return default

    def optional(self, name: str) -> str | None:
        return self.source.get(name, "").strip() or None

    def secret(self, name: str, *, min_chars: int = 1) -> str:
        value = self._secret(name)
        if len(value) < min_chars:
            raise SettingError(
                f"{name} has {len(value)} characters, expected {min_chars} or more"
            )
        return value

    def choice(self, name: str, default: str, choices: list[str]) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise SettingError(
                f"{name} is {value!r}, expected one of {', '.join(choices)}"
            )
        return value

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        value = self.text(name, str(default))
        if not re.fullmatch(r"[0-9]{1,10}", value) or not low <= int(value) <= high:
            raise SettingError(
                f"{name} is {value!r}, expected an integer from {low} to {high}"
            )
        return int(value)

    def names(self, name: str, default: list[str]) -> list[str]:
        """Read a comma-separated list."""
        value = self.optional(name)
        if value is None:
            return default
        return [part.strip() for part in value.split(",") if part.strip()]

    def origin(self, name: str) -> SplitResult:
        """Read an origin: scheme, host and maybe a port, nothing after it."""
        return _parse_origin(name, self.text(name))

    def origins(self, name: str) -> list[str]:
        found = [_parse_origin(name, value) for value in self.names(name, [])]
        return [f"{origin.scheme}://{origin.netloc}" for origin in found]

    def networks(self, name: str, default: str) -> list[Network]:
        """Read a comma-separated list of addresses and networks."""
        found: list[Network] = []
        for part in self.names(name, default.split(",")):
            try:
                found.append(ipaddress.ip_network(part))
            except ValueError as exc:
                raise SettingError(
                    f"{name} has {part!r}, expected networks such as 10.0.0.0/8"
                ) from exc
        return found

    def domain(self, name: str, default: str) -> str:
        value = self.text(name, default).lower()
        if not _DOMAIN.fullmatch(value):
            raise SettingError(f"{name} is {value!r}, expected a domain name")
        return value

    def address(self, name: str, default: str) -> tuple[str, int]:
        """Read `host:port`; the host of an IPv6 address stands in brackets."""
        value = self.text(name, default)
        host, colon, port = value.rpartition(":")
        if not (host and colon and port.isascii() and port.isdigit()):
            raise SettingError(f"{name} is {value!r}, expected host:port")
        if not 0 < int(port) < 65536:
            raise SettingError(f"{name} is {value!r}, expected a port to 65535")
        return host, int(port)

    def _secret(self, name: str) -> str:
        value, path = self.optional(name), self.optional(f"{name}_FILE")
        if value and path:
            raise SettingError(f"{name} and {name}_FILE are both set: choose one")
        if value:
            return value
        if path is None:
            raise SettingError(f"{name} is missing (or {name}_FILE)")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise SettingError(f"{name}_FILE is {path!r}: {exc}") from exc


def _parse_origin(name: str, value: str) -> SplitResult:
    try:
        parts = urlsplit(value.rstrip("/"))
        usable = parts.scheme in {"http", "https"} and parts.hostname
        extra = parts.path or parts.query or parts.fragment or "@" in parts.netloc
        _ = parts.port
    except ValueError:
        usable, extra = None, ""
    if not usable or extra:
        raise SettingError(
            f"{name} is {value!r}, expected an origin such as http://localhost:8080"
        )
    return parts
