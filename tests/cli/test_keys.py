"""`waystate keys`: made for their owner alone, the newest first, and their public halves shown."""

import re
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from api.cli.exits import BAD_CONFIGURATION
from tests.cli.shell import SECRETS, Said, Shell

PASSPHRASE = SECRETS["PASSPHRASE"]
NOT_ENCRYPTED = "It is not encrypted: there is no WAYSTATE_PASSPHRASE.\n"


def key_in(folder: str, passphrase: str = "") -> tuple[Path, rsa.RSAPrivateKey]:
    """Return the one key in a folder, and its file."""
    (path,) = Path(folder).iterdir()
    key = load_pem_private_key(path.read_bytes(), passphrase.encode() or None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return path, key


@pytest.mark.parametrize(
    ("settings", "arguments", "folder"),
    [
        pytest.param({}, [], "var/keys", id="the ring of development"),
        pytest.param({"PRIVATE_KEY_FILE": "ring"}, [], "ring", id="a ring of its own"),
        pytest.param({"PRIVATE_KEY_FILE": "ring/"}, ["--folder", "other"], "other", id="the folder that is asked for"),
    ],
)
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE], ids=["open", "encrypted"])
def test_a_key_is_made_where_it_belongs(
    home: Path, settings: dict[str, str], arguments: list[str], folder: str, passphrase: str
) -> None:
    said = Shell(home, **settings).call("keys", "generate", *arguments, PASSPHRASE=passphrase)

    path, key = key_in(folder, passphrase)
    told = f"{path}  [0-9a-f]{{16}}\n{'' if passphrase else NOT_ENCRYPTED}"
    assert said.code == 0
    assert re.fullmatch(told, said.err)
    assert load_pem_public_key(said.out.encode()) == key.public_key()
    assert key.key_size == 2048
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_beside_a_key_that_is_a_file_a_new_one_is_made(home: Path) -> None:
    shell = Shell(home)
    shell.call("keys", "generate", "--folder", "ring")
    path, _ = key_in("ring")

    assert shell.call("keys", "generate", PRIVATE_KEY_FILE=str(path)).code == 0

    assert len([*Path("ring").iterdir()]) == 2


def test_keys_are_listed_the_newest_first(home: Path) -> None:
    shell = Shell(home, PRIVATE_KEY_FILE="ring", PASSPHRASE=PASSPHRASE)
    made = [shell.call("keys", "generate").err.removeprefix("ring/").split() for _ in range(3)]

    said = shell.call("keys", "list")

    assert said == Said(0, "".join(f"{name}  2048 bits  {mark}\n" for name, mark in reversed(made)))


def test_a_key_that_is_given_as_text_is_listed(home: Path) -> None:
    shell = Shell(home)
    mark = shell.call("keys", "generate").err.split()[1]
    path, _ = key_in("var/keys")

    said = shell.call("keys", "list", PRIVATE_KEY=path.read_text(), PRIVATE_KEY_FILE="nowhere")

    assert said.code == 0
    assert said.out.endswith(f"  2048 bits  {mark}\n")


@pytest.mark.parametrize(
    ("arguments", "settings", "line"),
    [
        pytest.param(
            ["list"],
            {},
            "the private key cannot be read (No such file or directory); var/keys; check WAYSTATE_PRIVATE_KEY_FILE",
            id="no keys",
        ),
        pytest.param(
            ["list"],
            {"PRIVATE_KEY_FILE": "ring", "PASSPHRASE": "wrong-passphrase-1c"},
            "the private key cannot be read: wrong passphrase, or not a PEM key; ring/{name}; "
            "check WAYSTATE_PASSPHRASE, and that the file begins with -----BEGIN",
            id="another passphrase",
        ),
        pytest.param(
            ["generate", "--folder", "ring/KEY/sub"],
            {},
            "the key cannot be written there (Not a directory); ring/{name}/sub; name another folder with --folder",
            id="a place that cannot be written to",
        ),
    ],
)
def test_what_is_wrong_with_keys_is_one_line(
    home: Path, arguments: list[str], settings: dict[str, str], line: str
) -> None:
    shell = Shell(home, **settings)
    shell.call("keys", "generate", "--folder", "ring", PASSPHRASE=PASSPHRASE)
    path, _ = key_in("ring", PASSPHRASE)

    said = shell.call("keys", *[argument.replace("KEY", path.name) for argument in arguments])

    assert said == Said(BAD_CONFIGURATION, err=f"waystate: {line.format(name=path.name)}\n")
