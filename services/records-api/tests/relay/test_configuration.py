"""The relay's environment is read strictly, and its password stays out of sight."""

from __future__ import annotations

from pathlib import Path

import pytest

from aviso.environment import Environment, SettingError
from aviso.relay.configuration import read_configuration

URL = "amqp://aviso:secret@localhost:5672/%2F"


def read(**environ: str) -> object:
    return read_configuration(Environment(environ))


def test_the_url_is_enough() -> None:
    configuration = read_configuration(Environment({"AVISO_AMQP_URL": URL}))

    assert (URL, 2, ("127.0.0.1", 8091)) == (
        configuration.amqp_url,
        configuration.queues,
        configuration.bind,
    )


def test_the_url_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\n")

    configuration = read_configuration(Environment({"AVISO_AMQP_URL_FILE": str(file)}))

    assert URL == configuration.amqp_url


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("AVISO_AMQP_URL", {}),
        ("AVISO_AMQP_URL", {"AVISO_AMQP_URL": "http://aviso:secret@localhost"}),
        ("AVISO_AMQP_URL", {"AVISO_AMQP_URL": "amqp://localhost"}),
        ("AVISO_AMQP_URL", {"AVISO_AMQP_URL": "amqp://aviso:secret@localhost:x/"}),
        ("AVISO_QUEUES", {"AVISO_AMQP_URL": URL, "AVISO_QUEUES": "0"}),
        ("AVISO_QUEUES", {"AVISO_AMQP_URL": URL, "AVISO_QUEUES": "many"}),
        ("AVISO_RELAY_BIND", {"AVISO_AMQP_URL": URL, "AVISO_RELAY_BIND": "8091"}),
    ],
)
def test_a_wrong_or_missing_variable_is_named(
    name: str, environ: dict[str, str]
) -> None:
    with pytest.raises(SettingError, match=name) as caught:
        read(**environ)

    assert "secret" not in str(caught.value)


def test_the_password_is_in_no_repr() -> None:
    assert "secret" not in repr(read(AVISO_AMQP_URL=URL))
