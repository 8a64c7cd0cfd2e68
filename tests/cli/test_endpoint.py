"""A Flow endpoint is pinged as Meta pings it, and each usual mistake, really made, is named."""

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from api.cli import endpoint
from api.cli.endpoint import Diagnosis, diagnose, examine
from api.keyring import Key
from tests.api.conftest import endpoint_key, serve, server
from tests.api.serving import Server, a_key

SECRET = b"app-secret-5f1c"
NEWER, OLDER = a_key("20260202.pem"), a_key("20260101.pem")
__all__ = ["endpoint_key", "serve", "server"]
"""The fixtures of the server's tests, used here too."""

ACTIVE = b'{"data": {"status": "active"}}'
KEY, IV = bytes(range(16)), bytes(range(100, 116))

Seal = Callable[[bytes, bytes, bytes], bytes]


def flipped(iv: bytes) -> bytes:
    return bytes(octet ^ 0xFF for octet in iv)


def gcm(content: bytes, key: bytes, iv: bytes) -> bytes:
    return AESGCM(key).encrypt(iv, content, None)


def well(content: bytes, key: bytes, iv: bytes) -> bytes:
    return b64encode(gcm(content, key, flipped(iv)))


def cbc(content: bytes, key: bytes, iv: bytes) -> bytes:
    pad = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(pad.update(content) + pad.finalize()) + encryptor.finalize()


def opens_gcm(sealed: bytes, key: bytes, iv: bytes) -> bytes:
    return AESGCM(key).decrypt(iv, sealed, None)


def opens_short(sealed: bytes, key: bytes, iv: bytes) -> bytes:
    return AESGCM(key).decrypt(iv[:12], sealed, None)


def opens_cbc(sealed: bytes, key: bytes, iv: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    unpad = PKCS7(128).unpadder()
    return unpad.update(decryptor.update(sealed) + decryptor.finalize()) + unpad.finalize()


class Endpoint(Struct, frozen=True):
    """An endpoint as somebody might have written it, mistakes and all."""

    key: Key = NEWER
    secret: bytes = SECRET
    opens: Seal = opens_gcm
    seals: Seal = well
    content: bytes = ACTIVE
    when_not_opened: int = 421

    def __call__(self, request: Request) -> Response:
        body = request.get_data()
        signature = "sha256=" + hmac.new(self.secret, body, hashlib.sha256).hexdigest()
        if request.headers["X-Hub-Signature-256"] != signature:
            return Response(status=432)
        parts = {name: b64decode(text) for name, text in json.loads(body).items()}
        oaep = padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=None)
        try:
            aes_key = self.key.private.decrypt(parts["encrypted_aes_key"], oaep)
            opened = json.loads(self.opens(parts["encrypted_flow_data"], aes_key, parts["initial_vector"]))
        except (ValueError, InvalidTag):
            return Response(status=self.when_not_opened)
        assert opened == {"version": "3.0", "action": "ping"}
        return Response(self.seals(self.content, aes_key, parts["initial_vector"]))


class Flaky:
    """An endpoint that breaks the first time, and then answers anybody in the clear."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, _: Request) -> Response:
        self.asked += 1
        return Response(ACTIVE, status=500 if self.asked == 1 else 200)


SEALS = [
    pytest.param(well, Diagnosis.WELL, id="as Meta wants it"),
    pytest.param(lambda *given: well(*given) + b"\n", Diagnosis.WELL, id="with a line end"),
    pytest.param(lambda text, key, iv: b64encode(gcm(text, key, iv)), Diagnosis.UNFLIPPED_IV, id="the IV not flipped"),
    pytest.param(
        lambda text, key, iv: b64encode(gcm(text, key, flipped(iv)[:12])), Diagnosis.SHORT_IV, id="12 flipped bytes"
    ),
    pytest.param(lambda text, key, iv: b64encode(gcm(text, key, iv[:12])), Diagnosis.SHORT_IV, id="12 bytes"),
    pytest.param(lambda text, key, iv: b64encode(cbc(text, key, flipped(iv))), Diagnosis.CBC, id="CBC, flipped"),
    pytest.param(lambda text, key, iv: b64encode(cbc(text, key, iv)), Diagnosis.CBC, id="CBC"),
    pytest.param(
        lambda text, key, iv: b64encode(gcm(text, key, flipped(iv))[:-16]), Diagnosis.NO_TAG, id="without a tag"
    ),
    pytest.param(lambda *given: b'"' + well(*given) + b'"', Diagnosis.WRAPPED, id="a JSON text"),
    pytest.param(
        lambda *given: b'{"encrypted_flow_data": "' + well(*given) + b'"}', Diagnosis.WRAPPED, id="a JSON object"
    ),
    pytest.param(
        lambda text, key, iv: b'{"data": "' + b64encode(gcm(text, key, iv)) + b'", "iv": 1}',
        Diagnosis.CLEAR,
        id="an object that has data",
    ),
    pytest.param(lambda text, key, iv: gcm(text, key, flipped(iv)), Diagnosis.BYTES, id="bytes"),
    pytest.param(lambda text, _key, _iv: text, Diagnosis.CLEAR, id="in the clear"),
    pytest.param(
        lambda _, key, iv: well(b'{"screen": "HOME", "data": {}}', key, iv), Diagnosis.OTHER_CONTENT, id="a screen"
    ),
    pytest.param(lambda text, _, iv: well(text, bytes(16), iv), Diagnosis.UNREADABLE, id="another key"),
    pytest.param(lambda *_: b"", Diagnosis.UNREADABLE, id="nothing"),
    pytest.param(lambda *_: b"<html>ok</html>", Diagnosis.UNREADABLE, id="a page"),
    pytest.param(lambda *_: b"[" * 100_000, Diagnosis.UNREADABLE, id="what nests too deep"),
]


@pytest.mark.parametrize(("seals", "found"), SEALS)
def test_how_an_endpoint_answers_is_named(httpserver: HTTPServer, seals: Seal, found: Diagnosis) -> None:
    httpserver.expect_request("/flows/offer").respond_with_handler(Endpoint(seals=seals))

    assert examine(httpserver.url_for("/flows/offer"), (NEWER,), (SECRET,)) == (found, 200)


@pytest.mark.parametrize(("seals", "found"), SEALS)
def test_an_answer_is_diagnosed_by_itself(seals: Seal, found: Diagnosis) -> None:
    assert diagnose(200, seals(ACTIVE, KEY, IV), KEY, IV) is found


@pytest.mark.parametrize(
    ("made", "found", "status"),
    [
        pytest.param(Endpoint(opens=opens_cbc), Diagnosis.OPENS_CBC, 421, id="opens with CBC"),
        pytest.param(Endpoint(opens=opens_cbc, when_not_opened=500), Diagnosis.OPENS_CBC, 500, id="breaks over it"),
        pytest.param(Endpoint(opens=opens_short), Diagnosis.OPENS_SHORT_IV, 421, id="opens with a 12-byte IV"),
        pytest.param(Endpoint(key=OLDER), Diagnosis.OLD_KEY, 421, id="has an older key of the ring"),
        pytest.param(Endpoint(key=a_key()), Diagnosis.NOT_OPENED, 421, id="has a key that we do not have"),
        pytest.param(Endpoint(key=a_key(), when_not_opened=500), Diagnosis.STATUS, 500, id="and breaks over it"),
        pytest.param(Endpoint(secret=b"another"), Diagnosis.OTHER_SECRET, 432, id="has another secret"),
        pytest.param(Endpoint(secret=b"later"), Diagnosis.OLD_SECRET, 432, id="has our other secret"),
        pytest.param(lambda _: Response(status=404), Diagnosis.NO_FLOW, 404, id="is not there"),
        pytest.param(
            lambda _: Response(status=308, headers={"Location": "/"}), Diagnosis.REDIRECT, 308, id="sends elsewhere"
        ),
        pytest.param(lambda _: Response(status=503), Diagnosis.STATUS, 503, id="is down"),
        pytest.param(Flaky(), Diagnosis.STATUS, 500, id="is down only at first"),
        pytest.param(lambda _: Response(status=204), Diagnosis.STATUS, 204, id="says nothing"),
    ],
)
def test_what_an_endpoint_does_with_a_call_is_named(
    httpserver: HTTPServer, made: Callable[[Request], Response], found: Diagnosis, status: int
) -> None:
    httpserver.expect_request("/flows/offer").respond_with_handler(made)

    assert examine(httpserver.url_for("/flows/offer"), (NEWER, OLDER), (SECRET, b"later")) == (found, status)


def test_our_own_endpoint_is_well(server: Server) -> None:
    secrets = server.settings.app_secrets
    keys = server.parts.flows._keys.keys

    assert examine(f"{server.url}/flows/personalised_offer", keys, secrets) == (Diagnosis.WELL, 200)
    assert examine(f"{server.url}/elsewhere", keys, secrets) == (Diagnosis.NO_FLOW, 404)
    assert examine(f"{server.url}/flows/personalised_offer", (OLDER,), secrets) == (Diagnosis.NOT_OPENED, 421)
    assert examine(f"{server.url}/flows/personalised_offer", keys, (b"another",)) == (Diagnosis.OTHER_SECRET, 432)


def test_where_nobody_answers_that_is_told(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine("http://endpoint.invalid/flows/offer", (NEWER,), (SECRET,)) == (Diagnosis.UNREACHABLE, 0)

    monkeypatch.setattr(endpoint, "SECONDS", 0.05)
    httpserver.expect_request("/flows/offer").respond_with_handler(lambda _: Response(_late()))
    assert examine(httpserver.url_for("/flows/offer"), (NEWER,), (SECRET,)) == (Diagnosis.SLOW, 0)


def _late() -> bytes:
    time.sleep(0.5)
    return b""


@given(st.integers(100, 599), st.binary(max_size=200))
def test_whatever_is_answered_has_a_diagnosis(status: int, body: bytes) -> None:
    assert diagnose(status, body, KEY, IV) is not Diagnosis.WELL
