"""The endpoint's keys: which files are taken, which are refused with what line, and which key opens what."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from api.keyring import Key, KeyRing, generate, load_keys, read_key
from api.settings import ConfigurationError, Settings
from tests.api.serving import a_key

PASSPHRASE = "a passphrase of the tests"  # noqa: S105 - it opens keys of tests alone

Form = serialization.PrivateFormat


def sealed_for(key: Key, secret: bytes = b"an AES key, 16 B") -> bytes:
    """Return *secret* as a phone seals it that has the key's public half as text."""
    public = load_pem_public_key(key.public_pem.encode())
    assert isinstance(public, rsa.RSAPublicKey)
    return public.encrypt(secret, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))


def pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: Form = Form.PKCS8, passphrase: str = "") -> str:
    hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        hidden = serialization.BestAvailableEncryption(passphrase.encode())
    return private.private_bytes(serialization.Encoding.PEM, form, hidden).decode()


@pytest.fixture(scope="session")
def other_key() -> Key:
    return a_key("20250101.pem")


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a key's file as its owner would."""

    def write(text: str, name: str = "key.pem", mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


def refusal(settings: Settings) -> str:
    with pytest.raises(ConfigurationError) as told:
        load_keys(settings)
    return str(told.value)


# Opening


def test_a_ring_opens_what_was_sealed_for_any_of_its_keys_in_any_order(endpoint_key: Key, other_key: Key) -> None:
    ring = KeyRing([endpoint_key, other_key])

    opened = [ring.decrypt(sealed_for(key)) for key in (endpoint_key, other_key, other_key, endpoint_key, other_key)]

    assert opened == [b"an AES key, 16 B"] * 5
    assert [key.name for key in ring.keys] == ["20260101.pem", "20250101.pem"]


@pytest.mark.parametrize("sealed", [b"", b"\0", b"\0" * 256, b"\xff" * 256, b"\x01" * 255, b"\x01" * 512])
def test_a_ring_opens_nothing_else(endpoint_key: Key, other_key: Key, sealed: bytes) -> None:
    assert KeyRing([endpoint_key, other_key]).decrypt(sealed) is None


def test_a_ring_does_not_open_what_was_sealed_for_another_or_in_another_way(endpoint_key: Key, other_key: Key) -> None:
    public = endpoint_key.private.public_key()
    older = public.encrypt(b"an AES key, 16 B", padding.PKCS1v15())

    assert [KeyRing([endpoint_key]).decrypt(sealed) for sealed in (sealed_for(other_key), older)] == [None, None]


def test_a_fingerprint_names_a_public_key(endpoint_key: Key, other_key: Key) -> None:
    renamed = Key("renamed.pem", endpoint_key.private)

    assert len(endpoint_key.fingerprint) == 16
    assert renamed.fingerprint == endpoint_key.fingerprint != other_key.fingerprint


# Where keys come from


@pytest.mark.parametrize("form", [Form.PKCS8, Form.TraditionalOpenSSL])
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_key_is_taken_in_both_forms_hidden_or_not(
    written: Callable[..., Path], endpoint_key: Key, form: Form, passphrase: str
) -> None:
    text = pem(endpoint_key.private, form, passphrase)
    settings = [
        Settings(private_key_file=str(written(text)), passphrase=passphrase),
        Settings(private_key=text, passphrase=passphrase),
        Settings(private_key=text.replace("\n", "\\n"), passphrase=passphrase),
    ]

    rings = [load_keys(each) for each in settings]

    assert [ring.decrypt(sealed_for(endpoint_key)) for ring in rings] == [b"an AES key, 16 B"] * 3
    assert [key.name for ring in rings for key in ring.keys] == ["key.pem", "environment", "environment"]


def test_a_passphrase_that_a_key_does_not_need_does_no_harm(written: Callable[..., Path], endpoint_key: Key) -> None:
    path = written(pem(endpoint_key.private))

    (key,) = load_keys(Settings(private_key_file=str(path), passphrase=PASSPHRASE)).keys

    assert key.fingerprint == endpoint_key.fingerprint


def test_a_folder_is_a_ring_with_the_newest_key_first(
    written: Callable[..., Path], endpoint_key: Key, other_key: Key
) -> None:
    written(pem(other_key.private), "20250101.pem")
    written(pem(endpoint_key.private, passphrase=PASSPHRASE), "20260101.pem")
    folder = written("no key", "readme.txt").parent

    ring = load_keys(Settings(private_key_file=str(folder), passphrase=PASSPHRASE))

    assert [key.name for key in ring.keys] == ["20260101.pem", "20250101.pem"]
    assert [ring.decrypt(sealed_for(key)) for key in (endpoint_key, other_key)] == [b"an AES key, 16 B"] * 2


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_key_that_was_generated_is_its_owners_alone_and_loads_again(tmp_path: Path, passphrase: str) -> None:
    folder = tmp_path / "of" / "keys"

    made = generate(folder, passphrase)

    (path,) = folder.iterdir()
    (key,) = load_keys(Settings(private_key_file=str(folder), passphrase=passphrase)).keys
    assert (path.name, path.stat().st_mode & 0o777) == (made.name, 0o600)
    assert (b"ENCRYPTED" in path.read_bytes()) == bool(passphrase)
    assert (key.name, key.fingerprint, key.private.key_size) == (made.name, made.fingerprint, 2048)


# What is refused: what, where, how to fix, and never a word of the key


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("", "cannot be read: wrong passphrase, or not a PEM key", id="empty"),
        pytest.param("no key at all", "cannot be read: wrong passphrase, or not a PEM key", id="no PEM"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), "is not RSA of 2048 bits or more", id="not RSA"),
        pytest.param(pem(a_key(bits=1024).private), "is not RSA of 2048 bits or more", id="too short"),
    ],
)
def test_what_is_no_key_of_ours_is_refused(written: Callable[..., Path], text: str, line: str) -> None:
    path = written(text)

    said = refusal(Settings(private_key_file=str(path)))

    assert said.startswith(f"the private key {line}; {path}; ")


def test_a_public_key_and_half_a_key_are_refused(written: Callable[..., Path], endpoint_key: Key) -> None:
    whole = pem(endpoint_key.private)

    for text in (endpoint_key.public_pem, whole[: len(whole) // 2], whole.replace("-----BEGIN", "----BEGIN")):
        said = refusal(Settings(private_key_file=str(written(text))))
        assert said.startswith("the private key cannot be read: wrong passphrase, or not a PEM key; ")
        assert not any(line in said for line in whole.splitlines()[1:-1])


@pytest.mark.parametrize(
    ("given", "line"),
    [
        pytest.param("", "the private key is encrypted and there is no passphrase", id="none"),
        pytest.param("wrong", "the private key cannot be read: wrong passphrase, or not a PEM key", id="wrong"),
    ],
)
@pytest.mark.parametrize("form", [Form.PKCS8, Form.TraditionalOpenSSL])
def test_a_hidden_key_needs_its_passphrase_and_the_line_says_so_without_it(
    written: Callable[..., Path], endpoint_key: Key, form: Form, given: str, line: str
) -> None:
    text = pem(endpoint_key.private, form, PASSPHRASE)
    path = written(text)

    said = [
        refusal(Settings(private_key_file=str(path), passphrase=given)),
        refusal(Settings(private_key=text, passphrase=given)),
    ]

    assert [each.split("; ")[:2] for each in said] == [[line, str(path)], [line, "WAYSTATE_PRIVATE_KEY"]]
    assert all("WAYSTATE_PASSPHRASE" in each for each in said)
    assert not any(PASSPHRASE in each or "wrong;" in each for each in said)


def test_a_file_that_is_not_there_and_a_folder_without_keys_are_told(tmp_path: Path) -> None:
    assert refusal(Settings(private_key_file=str(tmp_path / "none.pem"))) == (
        f"the private key cannot be read (No such file or directory); {tmp_path / 'none.pem'}; "
        "check WAYSTATE_PRIVATE_KEY_FILE"
    )
    assert refusal(Settings(private_key_file=str(tmp_path))) == (
        f"there is no key in the folder; {tmp_path}; make one with `waystate keys generate`"
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o660])
def test_a_key_that_others_can_read_is_refused_but_in_development(
    written: Callable[..., Path], endpoint_key: Key, mode: int
) -> None:
    path = written(pem(endpoint_key.private), mode=mode)

    said = refusal(Settings(private_key_file=str(path)))
    in_development = read_key(path, None, Settings(env="development"))

    assert said == f"others on this machine can read the private key; {path}; chmod 600 {path}"
    assert in_development.fingerprint == endpoint_key.fingerprint


def test_one_bad_key_in_a_ring_is_told_and_no_ring_is_made(written: Callable[..., Path], endpoint_key: Key) -> None:
    written(pem(endpoint_key.private), "20260101.pem")
    bad = written("no key", "20250101.pem")

    assert f"; {bad}; " in refusal(Settings(private_key_file=str(bad.parent)))


def test_the_text_of_a_key_reaches_no_message(endpoint_key: Key) -> None:
    lines = pem(endpoint_key.private).splitlines()[1:-1]
    said = f"{endpoint_key!r} {KeyRing([endpoint_key])!r}"

    assert not any(line in said for line in lines)
    assert not any(number in said for number in [str(endpoint_key.private.private_numbers().d)])


def test_a_key_is_not_written_over_another(tmp_path: Path) -> None:
    first, second = generate(tmp_path, ""), generate(tmp_path, "")

    assert sorted(path.name for path in tmp_path.iterdir()) == [first.name, second.name]
