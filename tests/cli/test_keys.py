"""`waystate keys`: made for their owner alone, the newest first, and their public halves shown."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from api.cli.exits import BAD_CONFIGURATION
from tests.cli.shell import SECRETS, Said, Shell
from tests.standins.graph import Fault, GraphStandIn, as_json, graph_standin, refused

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


# Meta's copy

NUMBERS = ("100000000000001", "100000000000002")


@pytest.fixture
def standin() -> Iterator[GraphStandIn]:
    with graph_standin() as standin:
        yield standin


@pytest.fixture
def owner(home: Path, standin: GraphStandIn) -> Shell:
    """Return the shell of somebody with two numbers, and two keys in the ring."""
    shell = Shell(home, GRAPH_URL=standin.url, ACCESS_TOKEN="EAA-test", PHONE_NUMBER_ID=",".join(NUMBERS))  # noqa: S106 - nobody's
    for _ in range(2):
        shell.call("keys", "generate")
    return shell


def test_the_newest_key_goes_to_every_number_and_is_read_back(owner: Shell, standin: GraphStandIn) -> None:
    name, _, _, mark = owner.call("keys", "list").out.splitlines()[0].split()

    said = owner.call("keys", "upload")

    assert said == Said(0, "".join(f"{number}  {name}  {mark}  VALID\n" for number in NUMBERS))
    newest = load_pem_private_key(Path("var/keys", name).read_bytes(), None)
    kept = {number: load_pem_public_key(pem.encode()) for number, pem in standin.keys.items()}
    assert kept == dict.fromkeys(NUMBERS, newest.public_key())


def test_a_key_that_does_not_hold_is_told(owner: Shell, standin: GraphStandIn) -> None:
    standin.mismatched = {NUMBERS[1]}

    said = owner.call("keys", "upload")

    assert (said.code, [line.split()[-1] for line in said.out.splitlines()]) == (1, ["VALID", "MISMATCH"])
    assert said.err == "Calls from a number whose key is not VALID fail; upload it again, or register it anew.\n"


def test_a_key_that_meta_did_not_keep_is_told(owner: Shell, standin: GraphStandIn) -> None:
    standin.keys = {NUMBERS[0]: "-----BEGIN PUBLIC KEY-----\nanother\n-----END PUBLIC KEY-----\n"}
    standin.goes_wrong(Fault(accepted=False, answer=as_json({"success": True})))

    said = owner.call("keys", "upload", PHONE_NUMBER_ID=NUMBERS[0])

    assert (said.code, said.out.split()[-1]) == (1, "MISMATCH")


@pytest.mark.parametrize("missing", ["ACCESS_TOKEN", "PHONE_NUMBER_ID"])
def test_without_a_token_or_a_number_no_key_goes_out(owner: Shell, standin: GraphStandIn, missing: str) -> None:
    said = owner.call("keys", "upload", **{missing: ""})

    assert (said.code, said.out, standin.asked) == (BAD_CONFIGURATION, "", [])
    assert f"; WAYSTATE_{missing}; " in said.err


def test_a_number_that_is_not_ours_is_told(owner: Shell, standin: GraphStandIn) -> None:
    standin.goes_wrong(refused(100, error_subcode=33, message="Unsupported post request."))

    said = owner.call("keys", "upload")

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: Graph refused (100/33); Unsupported post request.; no such thing is there")
