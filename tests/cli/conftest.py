"""The places where the tests of the command line work."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from alembic.config import Config

from api.keyring import generate
from api.settings import PREFIX
from storage import migrate
from tests.cli.shell import SECRETS, Shell, developing, producing


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty folder, without settings."""
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    structlog.reset_defaults()  # a server's own logs go to its own standard error


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a private key that is encrypted with the tests' passphrase."""
    folder = tmp_path_factory.mktemp("keys")
    return folder / generate(folder, SECRETS["PASSPHRASE"]).name


@pytest.fixture
def developer(home: Path) -> Shell:
    """Return a developer's shell in the empty folder."""
    return developing(home)


@pytest.fixture
def operator(home: Path, key_file: Path, empty_database: Path) -> Shell:
    """Return the shell of a production server that lacks nothing."""
    return producing(home, key_file, empty_database)


@pytest.fixture
def migrations(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let the program have migrations that a test may change, and return their folder."""
    folder = tmp_path_factory.mktemp("program") / "migrations"
    shutil.copytree(Path(migrate.__file__).parent / "migrations", folder)
    ours = migrate._config

    def config() -> Config:
        changed = ours()
        changed.set_main_option("script_location", str(folder))
        return changed

    monkeypatch.setattr(migrate, "_config", config)
    return folder


@pytest.fixture
def a_later_program(migrations: Path) -> None:
    """Let the program be one with a migration more than ours."""
    (migrations / "versions/9999_one_more.py").write_text(
        'revision = "9999"\ndown_revision = "0003"\nbranch_labels = None\ndepends_on = None\n'
        "def upgrade() -> None: ...\n"
    )
