"""What the lab finds out about a server: from the environment, and from what development made."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from api.keyring import Key, generate
from api.settings import PREFIX, load, make_missing
from lab.world import Unable, World, world

PASSPHRASE = "a passphrase of the tests"  # noqa: S105 - of a key that lives as long as its test

NOBODY = World("http://127.0.0.1:8000", "", "", "", "", "")
"""What is known where nothing is: where a server would be."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> Path:
    """Be in an empty folder, with these settings and no others."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings() -> dict[str, str]:
    """Return the settings of the test: none if it has no others."""
    return {}


@pytest.mark.usefixtures("home")
def test_where_nothing_is_the_server_is_where_it_would_be() -> None:
    assert world() == NOBODY


def test_what_development_made_is_found_where_the_server_keeps_it(home: Path) -> None:
    made = make_missing(load({"WAYSTATE_ENV": "development"}))
    older, newer = generate(home / "var/keys", ""), generate(home / "var/keys", "")

    assert older.public_pem != newer.public_pem
    assert world() == World(
        "http://127.0.0.1:8000",
        made.app_secret,
        made.admin_token,
        made.portal_token,
        made.couriers["generic"],
        newer.public_pem,
        made.couriers,
    )


@pytest.mark.parametrize(
    "settings",
    [
        {
            "PUBLIC_URL": "https://shop.example/",
            "APP_SECRET": " new , old",
            "ADMIN_TOKEN": "admin",
            "PORTAL_TOKEN": "portal",
            "COURIER_SECRETS": "eshopbox=theirs, generic = ours=both",
            "PHONE_NUMBER_ID": "100000000000007, 100000000000008",
            "WABA_ID": "200000000000007",
        }
    ],
)
@pytest.mark.usefixtures("home")
def test_the_environment_is_read_as_the_server_reads_it(settings: dict[str, str]) -> None:
    theirs = load({"WAYSTATE_ENV": "development", **{f"{PREFIX}{name}": value for name, value in settings.items()}})

    couriers, (number, _) = theirs.couriers, sorted(theirs.phone_numbers)
    assert world() == World(
        "https://shop.example", "new", "admin", "portal", couriers["generic"], "", couriers, number, theirs.waba_id
    )
    assert (theirs.base_url, theirs.app_secrets[0]) == ("https://shop.example", b"new")


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"PORT": "8123"}, "http://127.0.0.1:8123"),
        ({"HOST": "localhost"}, "http://localhost:8000"),
        ({"HOST": "::1", "PORT": "8123"}, "http://[::1]:8123"),
    ],
)
@pytest.mark.usefixtures("home")
def test_the_address_is_the_one_listened_on(url: str) -> None:
    assert world().url == url


# Keys


def as_text(key: Key, folder: Path) -> dict[str, str]:
    text = (folder / key.name).read_text()
    return {"PRIVATE_KEY": text.replace("\n", "\\n"), "PASSPHRASE": PASSPHRASE}


def as_file(key: Key, folder: Path) -> dict[str, str]:
    return {"PRIVATE_KEY_FILE": str(folder / key.name), "PASSPHRASE": PASSPHRASE}


def as_folder(_: Key, folder: Path) -> dict[str, str]:
    return {"PRIVATE_KEY_FILE": str(folder), "PASSPHRASE": PASSPHRASE}


@pytest.mark.parametrize("given", [as_text, as_file, as_folder])
def test_the_public_key_is_found_however_the_private_one_is_given(
    home: Path, monkeypatch: pytest.MonkeyPatch, given: Callable[[Key, Path], dict[str, str]]
) -> None:
    key = generate(home / "ring", PASSPHRASE)
    for name, value in given(key, home / "ring").items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)

    assert world().public_key == key.public_pem


@pytest.mark.parametrize("settings", [{"PASSPHRASE": "another"}, {}])
def test_a_key_that_cannot_be_read_is_told_in_one_line(home: Path) -> None:
    generate(home / "var/keys", PASSPHRASE)

    with pytest.raises(Unable, match=r"^.* cannot be read \(\w+\); check WAYSTATE_PRIVATE_KEY_FILE and .*PASSPHRASE$"):
        world()


def test_secrets_that_are_no_json_are_told_in_one_line(home: Path) -> None:
    (home / "var").mkdir()
    (home / "var/development.json").write_text(json.dumps({"app_secret": "half"})[:-4])

    with pytest.raises(Unable, match=r"^the secrets in var/ .* cannot be read"):
        world()
