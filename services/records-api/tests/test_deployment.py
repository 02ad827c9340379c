"""Django's own look at settings for production finds nothing."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

SERVICE = Path(__file__).resolve().parents[1]


def _check(url: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AVISO_PUBLIC_URL": url,
        "AVISO_SECRET_KEY": secrets.token_urlsafe(48),
    }
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"],
        cwd=SERVICE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_settings_for_a_domain_pass_djangos_check() -> None:
    done = _check("https://aviso.example.org")

    assert 0 == done.returncode, done.stderr
    assert "no issues" in done.stdout


def test_the_check_sees_cookies_that_travel_without_tls() -> None:
    done = _check("http://aviso.example.org")

    assert 1 == done.returncode
    assert "SESSION_COOKIE_SECURE" in done.stderr
