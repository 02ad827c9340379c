"""From the command that `make up` prints to the page, and again after each restart."""

import http.client
import json
import shutil
import subprocess
import time

import pytest
from integration.api import Api
from integration.page import FeedPage
from integration.waiting import until

from .stack import SECRETS, ComposeStack, RunningStack

pytestmark = pytest.mark.timeout(1500)

_SERVICES = (
    "postgres",
    "rabbitmq",
    "ejabberd",
    "records-api",
    "relay",
    "pusher",
    "web",
    "gateway",
)
# Longest: a page that has just lost its stream waits before it tries again.
_TIMEOUT_S = 90


def write_until_accepted(api: Api, data: object, timeout_s: float = 60) -> str:
    """Write a record, again while the stack is not back yet; return its id."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            answer = api.call("POST", "feeds/demo/records/", {"data": data})
            if answer.status == 201:
                return str(answer.json["id"])
            refusal = f"{answer.status} {answer.body!r}"
        except (OSError, http.client.HTTPException) as error:
            refusal = repr(error)
        assert time.monotonic() < deadline, f"still refused: {refusal}"
        api.close()
        time.sleep(0.2)


def test_the_printed_command_puts_a_record_on_the_page(
    running: RunningStack, page: FeedPage
) -> None:
    assert shutil.which("curl"), "curl is not installed"
    start = running.printed.index("  curl -s ")
    command = running.printed[start : running.printed.index("\n\n", start)]

    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=True
    )

    record = json.loads(done.stdout)
    assert record["data"] == {"greeting": "hello", "from": "curl"}
    page.wait_for_record(record["id"])


@pytest.mark.parametrize("service", _SERVICES)
def test_records_arrive_after_a_restart_of(
    service: str, stack: ComposeStack, api: Api, page: FeedPage
) -> None:
    stack.compose("restart", service)

    record_id = write_until_accepted(api, {"after": f"a restart of {service}"})

    page.wait_for_record(record_id, _TIMEOUT_S)
    page.wait_for_state("live", _TIMEOUT_S)


@pytest.mark.parametrize("service", _SERVICES)
def test_records_arrive_after_a_kill_of(
    service: str, stack: ComposeStack, api: Api, page: FeedPage
) -> None:
    stack.compose("kill", "--signal", "KILL", service)
    stack.compose("start", service)

    record_id = write_until_accepted(api, {"after": f"a kill of {service}"})

    page.wait_for_record(record_id, _TIMEOUT_S)
    page.wait_for_state("live", _TIMEOUT_S)


def test_a_part_that_dies_is_started_again(
    stack: ComposeStack, api: Api, page: FeedPage
) -> None:
    # Everything in the container but its first process, which then ends too.
    stack.compose("exec", "-T", "-d", "pusher", "sh", "-c", "kill -KILL -1")
    until(
        lambda: stack.containers()["pusher"]["RestartCount"], "the pusher's restart", 30
    )

    record_id = write_until_accepted(api, {"after": "a crash of the pusher"})

    page.wait_for_record(record_id, _TIMEOUT_S)


def test_down_and_up_again_keep_secrets_key_and_records(
    stack: ComposeStack, api: Api, page: FeedPage
) -> None:
    record_id = write_until_accepted(api, {"before": "down"})
    page.wait_for_record(record_id)
    settings = stack.env_file.read_text()

    stack.down()
    printed = stack.up()

    assert stack.env_file.read_text() == settings
    assert stack.setting("AVISO_API_KEY") in printed
    assert api.call("GET", f"feeds/demo/records/{record_id}/").status == 200
    newer = write_until_accepted(api, {"after": "up"})
    page.wait_for_record(newer, _TIMEOUT_S)
    until(lambda: page.position == api.head("demo"), "the page to be complete")


def test_new_secrets_are_not_made_over_old_data(stack: ComposeStack) -> None:
    settings = stack.env_file.read_text()
    stack.env_file.write_text("")
    try:
        with pytest.raises(AssertionError, match=f"lacks {' '.join(SECRETS)}"):
            stack.up()
        assert stack.env_file.read_text() == ""
    finally:
        stack.env_file.write_text(settings)
