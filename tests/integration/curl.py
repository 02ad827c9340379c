"""The real curl, as a person at a shell uses it."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

_STATUS = "\n%{http_code} %{content_type}"


def post(url: str, key: str, body: bytes) -> tuple[int, str, Any]:
    """POST `body` as JSON; return status, media type and the parsed answer."""
    program = shutil.which("curl")
    assert program, "curl is not installed (Debian package curl)"
    done = subprocess.run(
        [
            program,
            *("--silent", "--show-error", "--max-time", "60"),
            *("-H", f"Authorization: Bearer {key}"),
            *("-H", "Content-Type: application/json"),
            *("--data-binary", "@-"),
            *("--write-out", _STATUS),
            url,
        ],
        input=body,
        capture_output=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr.decode()
    text, _, facts = done.stdout.decode().rpartition("\n")
    status, kind = facts.split(" ", 1)
    return int(status), kind, json.loads(text)
