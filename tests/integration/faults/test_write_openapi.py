"""Requests made from the OpenAPI document, right ones and wrong ones, to a real server.

Nothing may be answered with a 5xx, nor with anything that the document does not say.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..running import Stack
from .effort import choose

SECONDS = choose(quick=20, soak=600)
# The same requests in every short run; a long one looks for new ones.
SEED = choose(quick=["--seed=1"], soak=[])
# Not use_after_free: a reader who was put out is still there, as one who was put out.
# Not ensure_resource_availability: a write that comes again is answered as at first,
# though its record may have been deleted since.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


@pytest.mark.timeout(SECONDS + 240)
def test_no_request_gets_an_answer_outside_the_document(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    # Of its own: it makes feeds without end. Without limits, which would be all it met.
    stack = start_stack(AVISO_THROTTLE_KEY="0", AVISO_THROTTLE_ADDRESS="0")

    run = subprocess.run(
        [
            str(Path(sys.executable).parent / "st"),
            "run",
            f"{stack.url}/api/schema/?format=json",
            f"--url={stack.url}",
            f"--header=Authorization: Bearer {stack.facts['api_key']}",
            f"--checks={','.join(CHECKS)}",
            f"--max-time={SECONDS}",
            "--continue-on-failure",
            "--no-shrink",
            "--no-color",
            "--warnings=off",
            *SEED,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    print(run.stdout[-20_000:], run.stderr[-5_000:])
    assert run.returncode == 0
    stack.interrupt()
