"""Without its secrets the stack does not start, nor on what an older one left."""

import subprocess
from pathlib import Path

import pytest

from .stack import COMPOSE_FILE, SECRETS, ComposeStack, clean_environment


def run_compose(env_file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *("docker", "compose", "--project-name=aviso-test-nothing"),
            *(f"--env-file={env_file}", f"--file={COMPOSE_FILE}", *arguments),
        ],
        env=clean_environment(),
        text=True,
        capture_output=True,
        timeout=60,
    )


def test_with_an_empty_env_file_nothing_starts(tmp_path: Path) -> None:
    env_file = tmp_path / "empty.env"
    env_file.touch()

    done = run_compose(env_file, "up", "--no-build", "--detach")

    assert done.returncode != 0
    assert "required variable AVISO_" in done.stderr


@pytest.mark.parametrize("missing", SECRETS)
def test_a_missing_secret_is_named(missing: str, tmp_path: Path) -> None:
    env_file = tmp_path / "incomplete.env"
    lines = [f"{name}=x\n" for name in SECRETS if name != missing]
    env_file.write_text("".join(lines))

    done = run_compose(env_file, "config", "--quiet")

    assert done.returncode != 0
    assert f"required variable {missing} is missing" in done.stderr


@pytest.mark.timeout(1500)
def test_a_volume_of_an_older_aviso_is_refused_with_what_to_do(tmp_path: Path) -> None:
    stack = ComposeStack(tmp_path)
    secret = "x" * 32
    stack.env_file.write_text("".join(f"{name}={secret}\n" for name in SECRETS))
    try:
        stack.compose("up", "--detach", "--build", "--wait", "postgres")
        as_owner = ("psql", "--username=aviso", "--dbname=aviso")
        older = "--command=CREATE TABLE public.feed_heads (feed text)"
        stack.compose("exec", "-T", "postgres", *as_owner, older)

        with pytest.raises(AssertionError) as refused:
            stack.up()

        assert "made by an older Aviso" in str(refused.value)
        assert "the volume of PostgreSQL" in str(refused.value)
        assert "Traceback" not in str(refused.value)
        assert stack.containers()["records-api"]["State"]["Status"] == "created"
    finally:
        stack.down("--volumes", "--remove-orphans")
    assert stack.leftovers() == []
