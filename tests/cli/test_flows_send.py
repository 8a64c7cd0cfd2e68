"""`waystate flows send`: a running server is asked to send a Flow to somebody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.world import World
from tests.cli.shell import Shell, producing
from tests.cli.test_serve import world_of


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, key_file: Path, empty_database: Path) -> Iterator[World]:
    """Return a running server."""
    operator = producing(tmp_path_factory.mktemp("operator"), key_file, empty_database)
    with operator.serving() as server:
        yield world_of(operator, server.wait_until_up())


@pytest.fixture
def shell(home: Path, world: World) -> Shell:
    """Return a shell that knows where the server is, and the token."""
    return Shell(home, PUBLIC_URL=world.url, ADMIN_TOKEN=world.admin_token)


def test_a_session_is_opened_and_its_message_is_an_effect_of_it(shell: Shell) -> None:
    said = shell.call("flows", "send", "personalised_offer", "--to", "+91 98000 00042", "--data", '{"spring": true}')

    assert said.code == 0, said.err
    (_, key), (_, effect) = (line.split() for line in said.out.splitlines())
    shown = shell.call("sessions", "show", "personalised_offer", key, "--json").out
    assert effect in shown
    assert '"recipient": "919800000042"' in shown


def test_a_session_can_be_about_another(shell: Shell) -> None:
    key = shell.call("flows", "send", "personalised_offer", "--to", "919800000042").out.split()[1]
    about = f"personalised_offer/{key}"

    said = shell.call("flows", "send", "purchase_interest", "--to", "919800000042", "--about", about)

    shown = shell.call("sessions", "show", "purchase_interest", said.out.split()[1], "--json").out
    assert f'"key": "{key}"' in shown


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("personalised_offer", "--to", "919800000042", "--data", "["), 2, "not a JSON object"),
        (("personalised_offer", "--to", "919800000042", "--data", "[]"), 2, "not a JSON object"),
        (("personalised_offer", "--to", "919800000042", "--about", "ndr_case"), 2, "write DEFINITION/KEY"),
        (("personalised_offer",), 2, "--to"),
        (("personalised_offer", "--to", "Asha"), 1, "/recipient"),
        (("nothing", "--to", "919800000042"), 1, "unknown_definition"),
        (("personalised_offer", "--to", "919800000042", "--about", "ndr_case/none"), 1, "unknown_session"),
    ],
)
def test_what_cannot_be_sent_is_told(shell: Shell, arguments: tuple[str, ...], code: int, told: str) -> None:
    said = shell.call("flows", "send", *arguments)

    assert said.code == code
    assert told in said.err
