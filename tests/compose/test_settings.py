"""Without its secrets the stack does not start."""

import subprocess
from pathlib import Path

import pytest

from .stack import COMPOSE_FILE, SECRETS, clean_environment


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
