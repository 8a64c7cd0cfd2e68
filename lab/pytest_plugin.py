"""
What pytest finds of the lab in a project that has it installed: a server with its definitions, and who deals with it.

    def test_a_booking_is_kept(phone: Phones, waystate_server: Server) -> None:
        booking = phone("booking")
        booking.open()
        ...
        waystate_server.wait_for("booking", booking.token, "completed")

The setting `waystate_definitions` of pytest's configuration names the folders of definitions, from the project's root.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.trial import Courier, Graph, Phones, Server

DEFINITIONS = "waystate_definitions"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the folders of definitions from pytest's configuration."""
    parser.addini(DEFINITIONS, "folders of definitions for the fixture waystate_server", type="linelist", default=[])


@pytest.fixture(scope="session")
def waystate_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Server"]:
    """Return a server in development with its lab, one for all tests: each has sessions and people of its own."""
    # Imported only by tests that use it: pytest loads this module in every project of the environment.
    from lab.trial import Server  # noqa: PLC0415 - as said

    definitions = [pytestconfig.rootpath / folder for folder in pytestconfig.getini(DEFINITIONS)]
    server = Server(tmp_path_factory.mktemp("waystate"), definitions)
    yield server
    server.stop()


@pytest.fixture
def phone(waystate_server: "Server") -> "Phones":
    """Return what opens any Flow as a phone does."""
    from lab.trial import Phones  # noqa: PLC0415 - as said

    return Phones(waystate_server)


@pytest.fixture
def graph(waystate_server: "Server") -> Iterator["Graph"]:
    """Return WhatsApp: what was sent, what people say, what goes wrong until the test ends."""
    from lab.trial import Graph  # noqa: PLC0415 - as said

    graph = Graph(waystate_server)
    yield graph
    graph.works()


@pytest.fixture
def courier(waystate_server: "Server") -> Iterator["Courier"]:
    """Return a courier; how it was told to answer is forgotten when the test ends."""
    from lab.trial import Courier, Graph  # noqa: PLC0415 - as said

    yield Courier(waystate_server)
    Graph(waystate_server).works()
