"""The encryption, checked against code that was not written here: pywa's, and others' vectors where there are some."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec import Struct
from msgspec.structs import asdict, replace
from pywa import utils as pywa

from api.crypto import (
    CannotDecrypt,
    MediaCorrupt,
    Opened,
    SignatureMissing,
    SignatureWrong,
    TokenForged,
    WireError,
    check_signature,
    check_token_signature,
    decrypt_media,
    open_envelope,
    read_envelope,
)
from api.keyring import Key, KeyRing
from definitions.media import MediaKeys
from lab.phone import Envelope, Sealer
from tests.api.conftest import sample
from tests.api.phones import sealed, signature
from tests.api.serving import SECRETS

CONTENTS = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**63 - 1) | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=10,
)
OBJECTS = some.dictionaries(some.text(), CONTENTS, max_size=5)


def opened(envelope: Envelope, *keys: Key) -> Opened:
    parts = read_envelope(envelope.body)
    return open_envelope(parts, KeyRing([*keys]).decrypt(parts.key))


def opened_by_pywa(envelope: Envelope, key: Key, passphrase: str = "") -> tuple[dict[str, Any], bytes, bytes]:
    parts = json.loads(envelope.body)
    form, hidden = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    how = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else hidden
    pem = key.private.private_bytes(serialization.Encoding.PEM, form, how).decode()
    return pywa.default_flow_request_decryptor(
        parts["encrypted_flow_data"], parts["encrypted_aes_key"], parts["initial_vector"], pem, passphrase or None
    )


# Flow calls


@given(OBJECTS)
@settings(max_examples=30, deadline=None)
def test_pywa_and_we_open_the_same_envelope_and_find_the_same(endpoint_key: Key, content: dict[str, Any]) -> None:
    envelope = Sealer(endpoint_key.public_pem).seal(content)

    ours, theirs = opened(envelope, endpoint_key), opened_by_pywa(envelope, endpoint_key)

    assert (json.loads(ours.content), envelope.aes_key, ours.iv) == theirs
    assert theirs == (content, envelope.aes_key, envelope.iv)


@given(OBJECTS)
@settings(max_examples=30, deadline=None)
def test_pywa_and_we_seal_the_same_answer_into_the_same_bytes(endpoint_key: Key, answer: dict[str, Any]) -> None:
    envelope = sealed(endpoint_key, b"{}")
    ours = opened(envelope, endpoint_key)

    theirs = pywa.default_flow_response_encryptor(answer, envelope.aes_key, envelope.iv)

    assert ours.seal(json.dumps(answer).encode()) == theirs.encode()
    assert envelope.read(theirs.encode()) == answer


@given(some.binary(max_size=300), some.binary(max_size=300))
@settings(max_examples=30, deadline=None)
def test_whatever_octets_go_in_come_out_again_and_back(endpoint_key: Key, content: bytes, answer: bytes) -> None:
    envelope = sealed(endpoint_key, content)

    ours = opened(envelope, endpoint_key)

    assert ours.content == content
    assert ours.seal(answer) == ours.seal(answer)
    flipped = bytes(octet ^ 0xFF for octet in envelope.iv)
    assert ours.cipher.decrypt(flipped, base64.b64decode(ours.seal(answer), validate=True), None) == answer


@given(some.integers(min_value=0), some.integers(0, 7), some.sampled_from(["content", "iv", "key"]))
@settings(max_examples=60, deadline=None)
def test_a_single_bit_that_is_changed_keeps_an_envelope_closed(
    endpoint_key: Key, octet: int, bit: int, name: str
) -> None:
    parts = read_envelope(sealed(endpoint_key, b'{"action":"ping"}').body)
    part = bytearray(getattr(parts, name))
    part[octet % len(part)] ^= 1 << bit
    changed = replace(parts, **{name: bytes(part)})

    with pytest.raises(CannotDecrypt) as told:
        open_envelope(changed, KeyRing([endpoint_key]).decrypt(changed.key))

    assert told.value.reason in {"gcm_tag", "key_mismatch"}


@given(some.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_whatever_is_no_envelope_is_refused_and_never_more_than_that(body: bytes) -> None:
    with pytest.raises(CannotDecrypt):
        read_envelope(body)


# Signatures


@given(some.binary(max_size=300), some.text(min_size=1).filter(lambda secret: "\ud800" not in secret))
@settings(max_examples=50, deadline=None)
def test_pywa_and_we_take_the_same_signature(body: bytes, secret: str) -> None:
    made = signature(body, secret)

    check_signature(body, [made], [b"another", secret.encode()])

    assert pywa.webhook_updates_validator(secret, body, made.decode())
    with pytest.raises(SignatureWrong):
        check_signature(body + b" ", [made], [secret.encode()])


@given(some.lists(some.binary(max_size=80), max_size=2))
@settings(max_examples=200, deadline=None)
def test_no_other_header_is_taken_for_a_signature(headers: list[bytes]) -> None:
    with pytest.raises((SignatureMissing, SignatureWrong)):
        check_signature(b"a body", headers, [SECRETS["app_secret"].encode()])


def test_without_a_secret_nothing_is_rightly_signed() -> None:
    with pytest.raises(SignatureWrong):
        check_signature(b"a body", [signature(b"a body", "")], [])


def test_a_signature_that_meta_made_is_taken() -> None:
    vector = sample("crypto/002_pywa_webhook_signature.json")
    body, header = vector["request_body"].encode(), vector["x_hub_signature_256"].encode()

    check_signature(body, [header], [vector["app_secret"].encode()])

    with pytest.raises(SignatureWrong):
        check_signature(body, [header], [SECRETS["app_secret"].encode()])
    with pytest.raises(SignatureWrong):
        check_signature(body.replace(b"!", b"."), [header], [vector["app_secret"].encode()])


# Signatures of tokens


def jwt(payload: Any, secret: bytes = b"a secret", header: Any = None) -> str:
    """Return a JWT as the standard (RFC 7515) makes it, with the HMAC that HS256 says, whatever its header says."""
    header = {"alg": "HS256", "typ": "JWT"} if header is None else header
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    made = base64.urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
    return f"{signed.decode()}.{made.decode()}"


@given(some.text(min_size=1), some.dictionaries(some.text(), some.integers() | some.text()))
@settings(max_examples=50, deadline=None)
def test_a_token_that_meta_signed_is_taken(token: str, more: dict[str, Any]) -> None:
    check_token_signature(token, jwt({**more, "flow_token": token}), [b"another", b"a secret"])


def test_a_token_signature_of_the_standards_own_example_is_taken() -> None:
    # RFC 7515, appendix A.1.
    key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
    made = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )

    check_token_signature("joe", made, [base64.urlsafe_b64decode(key)])


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="no JWT"),
        pytest.param("é.é.é", id="not ASCII"),
        pytest.param(jwt({"flow_token": "the token"}, b"another"), id="another secret"),
        pytest.param(jwt({"flow_token": "another token"}), id="another token"),
        pytest.param(jwt({}), id="no token"),
        pytest.param(jwt(["the token"]), id="a list"),
        pytest.param(jwt(b"\xff"), id="no JSON"),
        pytest.param(jwt({"flow_token": "the token"}, header={"alg": "none"}), id="alg none"),
        pytest.param(jwt({"flow_token": "the token"}, header={"alg": "HS512"}), id="another alg"),
        pytest.param(jwt({"flow_token": "the token"}, header=b"{"), id="no header"),
        pytest.param(jwt({"flow_token": "the token"}).rpartition(".")[0] + ".", id="not signed"),
        pytest.param(jwt({"flow_token": "the token"}) + "=", id="padded"),
        pytest.param(jwt({"flow_token": "the token"}) + ".x", id="a part too many"),
    ],
)
def test_a_token_that_meta_did_not_sign_is_refused(signature: str) -> None:
    with pytest.raises(TokenForged):
        check_token_signature("the token", signature, [b"a secret"])


# Media


class Upload(Struct, frozen=True):
    """A file as a phone uploads it."""

    blob: bytes
    keys: MediaKeys


def uploaded(file: bytes, **changed: bytes) -> Upload:
    """Return *file* as a phone uploads it; what its keys say may be *changed*, and its tag and padding made wrong."""
    key, hmac_key, iv = secrets.token_bytes(32), secrets.token_bytes(32), secrets.token_bytes(16)
    padder = PKCS7(128).padder()
    padded = changed.pop("padded", padder.update(file) + padder.finalize())
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padded) + (encryptor.finalize() if len(padded) % 16 == 0 else b"")
    blob = ciphertext + changed.pop("tag", hmac.digest(hmac_key, iv + ciphertext, "sha256")[:10])
    parts = {
        "encrypted_hash": hashlib.sha256(blob).digest(),
        "iv": iv,
        "encryption_key": key,
        "hmac_key": hmac_key,
        "plaintext_hash": hashlib.sha256(file).digest(),
        **changed,
    }
    return Upload(blob, MediaKeys(**{name: base64.b64encode(part).decode() for name, part in parts.items()}))


@given(some.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_pywa_and_we_read_the_same_file_from_an_upload(file: bytes) -> None:
    upload = uploaded(file)

    assert decrypt_media(upload.blob, upload.keys) == file
    assert pywa._flow_request_media_decryptor(upload.blob, asdict(upload.keys)) == file


def test_a_file_that_meta_encrypted_is_read() -> None:
    vector = sample("crypto/003_pywa_media_upload.json")
    blob, file = base64.b64decode(vector["cdn_file_b64"]), base64.b64decode(vector["plaintext_b64"])

    assert decrypt_media(blob, MediaKeys(**vector["encryption_metadata"])) == file


@pytest.mark.parametrize(
    ("upload", "reason"),
    [
        pytest.param(uploaded(b"a photo", encrypted_hash=b"0" * 32), "media_encrypted_hash", id="another upload"),
        pytest.param(uploaded(b"a photo", encrypted_hash=b""), "media_encrypted_hash", id="no hash of the upload"),
        pytest.param(uploaded(b"a photo", tag=b"0" * 10), "media_hmac", id="another tag"),
        pytest.param(uploaded(b"a photo", tag=b""), "media_hmac", id="no tag"),
        pytest.param(uploaded(b"a photo", hmac_key=b"another"), "media_hmac", id="another HMAC key"),
        pytest.param(uploaded(b"a photo", iv=b"0" * 16), "media_hmac", id="another IV"),
        pytest.param(uploaded(b"", padded=b""), "media_padding", id="nothing at all"),
        pytest.param(uploaded(b"a photo", padded=b"a photo" + b"\0" * 9), "media_padding", id="another padding"),
        pytest.param(uploaded(b"a photo", padded=b"\x11" * 16), "media_padding", id="a padding of more than a block"),
        pytest.param(uploaded(b"a photo", plaintext_hash=b"0" * 32), "media_plaintext_hash", id="another file"),
        pytest.param(uploaded(b"a photo", iv=b"0" * 15), "media_metadata", id="a short IV"),
        pytest.param(uploaded(b"a photo", encryption_key=b"0" * 31), "media_metadata", id="a short key"),
        pytest.param(uploaded(b"a photo", encryption_key=b"0" * 16), "media_metadata", id="a key for AES-128"),
    ],
)
def test_a_file_that_is_not_what_its_metadata_says_is_refused(upload: Upload, reason: str) -> None:
    with pytest.raises(MediaCorrupt) as told:
        decrypt_media(upload.blob, upload.keys)

    assert told.value.reason == reason


@pytest.mark.parametrize("name", MediaKeys.__struct_fields__)
@pytest.mark.parametrize("text", ["é", "AAA", "A A=", "AAAA\n", "*"])
def test_metadata_that_is_not_base64_is_refused(name: str, text: str) -> None:
    upload = uploaded(b"a photo")

    with pytest.raises(MediaCorrupt) as told:
        decrypt_media(upload.blob, replace(upload.keys, **{name: text}))

    assert told.value.reason == "media_metadata"


def test_a_truncated_upload_is_refused_wherever_it_ends() -> None:
    upload = uploaded(b"a photo")

    for end in range(len(upload.blob)):
        blob = upload.blob[:end]
        hashed = base64.b64encode(hashlib.sha256(blob).digest()).decode()
        for keys in (upload.keys, replace(upload.keys, encrypted_hash=hashed)):
            with pytest.raises(MediaCorrupt):
                decrypt_media(blob, keys)


def test_an_error_says_its_reason_and_nothing_of_what_was_sent() -> None:
    with pytest.raises(WireError) as told:
        check_signature(b"a secret body", [b"sha256=a secret signature"], [b"a secret"])

    assert (str(told.value), told.value.args) == ("sig_bad", ("sig_bad",))
