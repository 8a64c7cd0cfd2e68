"""`waystate doctor`: everything that has to be right is looked at, and what is not is named."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from pytest_httpserver import HTTPServer
from werkzeug import Response

from api.cli import doctor
from api.cli.doctor import key_mistake, pem_mistake
from api.cli.endpoint import Diagnosis
from api.graph import PublicKey
from api.keyring import Key, KeyRing
from tests.api.conftest import endpoint_key, serve, server
from tests.api.serving import Server, a_key
from tests.cli.shell import SECRETS, Said, Shell
from tests.cli.test_serve import bare_key, broken_lifecycle, foreign_database, logic_for_other_screens, newer_schema
from tests.standins.graph import GraphStandIn, graph_standin, refused

__all__ = ["endpoint_key", "serve", "server"]
"""The fixtures of the server's tests, used here too."""

NUMBER = "100000000000001"
WABA = "200000000000002"
TOKEN = "EAAtestTOKENofNobody"  # noqa: S105 - nobody's

Verdicts = dict[str, list[tuple[str, str]]]


def examined(shell: Shell, **settings: str) -> tuple[int, Verdicts]:
    """Return the exit code, and of each thing what was found out about it."""
    said = shell.call("doctor", **settings)
    assert said.err == ""
    verdicts: Verdicts = {}
    for line in said.out.splitlines():
        verdicts.setdefault(line[6:18].strip(), []).append((line[:5].strip(), line[19:]))
    return said.code, verdicts


def failures(verdicts: Verdicts) -> list[tuple[str, str]]:
    return [(thing, words) for thing, found in verdicts.items() for status, words in found if status == "FAIL"]


def test_production_that_lacks_nothing_is_well(operator: Shell) -> None:
    code, verdicts = examined(operator)

    key = Path(operator.settings["PRIVATE_KEY_FILE"]).name
    assert (code, list(verdicts)) == (
        0,
        ["settings", "keys", "definitions", "database", "disk", "graph", "endpoint"],
    )
    assert verdicts["graph"] == [("skip", "skipped: WAYSTATE_ACCESS_TOKEN is not set")]
    assert verdicts["endpoint"] == [("skip", "skipped: WAYSTATE_PUBLIC_URL is not set")]
    assert verdicts["settings"] == [("ok", "production")]
    assert [(status, words.partition(",")[0]) for status, words in verdicts["keys"]] == [("ok", key)]
    assert verdicts["definitions"][0][0] == "ok"
    assert "personalised_offer" in verdicts["definitions"][0][1]
    assert verdicts["database"][0] == ("ok", "var/waystate.db")


def test_a_new_development_can_go_on(developer: Shell) -> None:
    developer.call("keys", "generate")

    code, verdicts = examined(developer)

    assert (code, failures(verdicts)) == (0, [])
    assert verdicts["settings"] == [("ok", "development")]
    assert verdicts["database"][0] == ("warn", "var/waystate.db is empty; run `waystate db upgrade`")


def no_database(home: Path) -> Mapping[str, str]:
    (home / "var/waystate.db").unlink()
    return {}


def drifted(home: Path) -> Mapping[str, str]:
    with closing(sqlite3.connect(home / "var/waystate.db")) as connection:
        connection.execute("DROP INDEX ix_instance_family")
    return {}


@pytest.mark.parametrize(
    ("wrong", "thing", "words"),
    [
        pytest.param(lambda _: {"APP_SECRET": ""}, "settings", "WAYSTATE_APP_SECRET", id="a secret is missing"),
        pytest.param(lambda _: {"PORT": "many"}, "settings", "WAYSTATE_PORT", id="a setting is wrong"),
        pytest.param(lambda _: {"PASSPHRASE": "wrong-one"}, "keys", "WAYSTATE_PASSPHRASE", id="a wrong passphrase"),
        pytest.param(bare_key, "keys", "chmod 600", id="a key that others can read"),
        pytest.param(broken_lifecycle, "definitions", "mine/lifecycles/parcel.json:5:23", id="a wrong definition"),
        pytest.param(no_database, "database", "is empty; run `waystate db upgrade`", id="no database"),
        pytest.param(newer_schema, "database", "a later version", id="a newer schema"),
        pytest.param(foreign_database, "database", "by another one", id="somebody else's database"),
        pytest.param(drifted, "database", "ix_instance_family", id="tables that are not ours"),
    ],
)
def test_what_has_to_be_mended_is_named(
    operator: Shell, wrong: Callable[[Path], Mapping[str, str]], thing: str, words: str
) -> None:
    code, verdicts = examined(operator, **wrong(operator.folder))

    ((found_in, found),) = failures(verdicts)
    assert (code, found_in) == (1, thing)
    assert words in found


def test_all_that_is_wrong_with_the_logic_of_a_flow_is_told(operator: Shell) -> None:
    code, verdicts = examined(operator, **logic_for_other_screens(operator.folder))

    place = "mine/flows/offer/screens.py: "
    assert (code, [words.removeprefix(place).partition(",")[0] for _, words in failures(verdicts)]) == (
        1,
        [
            "show_times is bound to TIMES",
            "PRODUCT_SELECTOR asks the endpoint",
            "PRODUCT_SELECTOR is shown with data",
            "OPTIONS asks the endpoint",
            "OPTIONS is shown with data",
            "OFFER asks the endpoint",
            "OFFER is shown with data",
            "PRODUCT_DETAIL asks the endpoint",
            "PRODUCT_DETAIL is shown with data",
        ],
    )


def test_what_is_only_odd_is_told_and_no_failure(operator: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LOW_DISK", 2.0)

    code, verdicts = examined(operator, DATA_KEY="", WORKER="x")

    assert (code, failures(verdicts)) == (0, [])
    assert verdicts["settings"][1:] == [
        ("warn", "WAYSTATE_WORKER is no setting; see `waystate --help`"),
        ("warn", "WAYSTATE_DATA_KEY is not set: raw webhook bodies are kept unencrypted"),
    ]
    assert verdicts["disk"][0][0] == "warn"


def test_it_changes_nothing(operator: Shell) -> None:
    before = {path: path.stat().st_mtime_ns for path in operator.folder.rglob("*")}

    examined(operator)

    after = {path: path.stat().st_mtime_ns for path in operator.folder.rglob("*")}
    assert after == before


def test_it_shows_no_secret(operator: Shell) -> None:
    said: Said = operator.call("doctor")

    assert [secret for secret in SECRETS.values() if secret in said.out + said.err] == []


def test_it_looks_while_a_server_runs(operator: Shell) -> None:
    with operator.serving() as server:
        server.wait_until_up()
        code, verdicts = examined(operator)

    assert (code, failures(verdicts)) == (0, [])


# What Meta has of us


@pytest.fixture
def standin() -> Iterator[GraphStandIn]:
    with graph_standin() as standin:
        standin.token = TOKEN
        yield standin


@pytest.fixture
def known(operator: Shell, standin: GraphStandIn) -> Shell:
    """Return the shell of a production server that Meta knows."""
    operator.settings |= {
        "GRAPH_URL": standin.url,
        "ACCESS_TOKEN": TOKEN,
        "PHONE_NUMBER_ID": NUMBER,
        "WABA_ID": WABA,
    }
    operator.call("keys", "upload")
    return operator


def test_what_meta_has_of_us_is_compared(known: Shell) -> None:
    code, verdicts = examined(known)

    mark = verdicts["keys"][0][1].split()[-1]
    assert (code, failures(verdicts)) == (0, [])
    assert verdicts["public key"] == [("ok", f"{NUMBER}: {mark}")]
    assert verdicts["webhooks"] == [
        ("ok", "Our app is subscribed; that it is to messages and flows, its dashboard says")
    ]


def test_a_number_without_a_key_is_named(known: Shell, standin: GraphStandIn) -> None:
    standin.keys.clear()

    code, verdicts = examined(known)

    mistake = f"{NUMBER}: Meta has no public key for it; run `waystate keys upload`"
    assert (code, failures(verdicts)) == (1, [("public key", mistake)])


def test_an_account_without_a_subscription_is_named(known: Shell, standin: GraphStandIn) -> None:
    standin.apps.clear()

    code, verdicts = examined(known)

    ((thing, words),) = failures(verdicts)
    assert (code, thing) == (1, "webhooks")
    assert words.startswith("no app is subscribed to the account: nothing arrives; in Meta's App Dashboard")


def test_webhooks_that_go_elsewhere_are_told(known: Shell, standin: GraphStandIn) -> None:
    standin.apps[0]["override_callback_uri"] = "https://old.example/hook"

    _, verdicts = examined(known, PUBLIC_URL="http://shop.invalid")

    ours = "http://shop.invalid/webhooks/whatsapp"
    assert verdicts["webhooks"] == [("warn", f"Our app gets them at https://old.example/hook, which is not {ours}")]


def test_a_token_that_is_not_taken_is_named_and_not_shown(known: Shell) -> None:
    said = known.call("doctor", ACCESS_TOKEN="EAAanother")  # noqa: S106 - nobody's

    failed = [line for line in said.out.splitlines() if line.startswith("FAIL")]
    assert (said.code, [line[6:18].strip() for line in failed]) == (1, ["public key", "webhooks"])
    assert all("Graph refused (190); " in line and "set WAYSTATE_ACCESS_TOKEN" in line for line in failed)
    assert "EAAanother" not in said.out + said.err


def test_a_graph_that_fails_is_told_and_the_rest_is_looked_at(known: Shell, standin: GraphStandIn) -> None:
    standin.goes_wrong(refused(10, 403))

    code, verdicts = examined(known)

    ((thing, words),) = failures(verdicts)
    assert (code, thing) == (1, "public key")
    assert "whatsapp_business_management" in words
    assert verdicts["webhooks"][0][0] == "ok"


@pytest.mark.parametrize(
    ("missing", "thing"), [("PHONE_NUMBER_ID", "public key"), ("WABA_ID", "webhooks")], ids=["no number", "no account"]
)
def test_what_cannot_be_compared_is_skipped(known: Shell, missing: str, thing: str) -> None:
    code, verdicts = examined(known, **{missing: ""})

    assert (code, verdicts[thing]) == (0, [("skip", f"skipped: WAYSTATE_{missing} is not set")])


NEWEST, OLDER, FOREIGN = a_key("20260202.pem"), a_key("20260101.pem"), a_key()
RING = KeyRing([NEWEST, OLDER])


def pkcs1(key: Key) -> str:
    """Return a public key in the form that Meta does not take."""
    form = serialization.PublicFormat.PKCS1
    return key.private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    ("public", "mistake"),
    [
        pytest.param(PublicKey(NEWEST.public_pem, "VALID"), "", id="ours"),
        pytest.param(PublicKey(NEWEST.public_pem.replace("\n", "\r\n"), "VALID"), "", id="with other line ends"),
        pytest.param(PublicKey(), "Meta has no public key for it", id="none"),
        pytest.param(PublicKey(FOREIGN.public_pem, "VALID"), "Meta has another public key than any", id="another's"),
        pytest.param(PublicKey(OLDER.public_pem, "VALID"), "Meta has an older key, 20260101.pem", id="an older one"),
        pytest.param(PublicKey(NEWEST.public_pem, "MISMATCH"), "but says MISMATCH of its signature", id="mismatch"),
        pytest.param(PublicKey(NEWEST.public_pem), "but says nothing of its signature", id="no status"),
        pytest.param(PublicKey(pkcs1(NEWEST), "VALID"), "not of the form -----BEGIN PUBLIC KEY-----", id="PKCS#1"),
        pytest.param(
            PublicKey(NEWEST.public_pem.replace("\n", "\\n"), "VALID"), "are written as \\n", id="escaped line ends"
        ),
    ],
)
def test_what_is_wrong_with_metas_key_is_named(public: PublicKey, mistake: str) -> None:
    found = key_mistake(public, RING)

    assert mistake in found
    assert bool(found) == bool(mistake)


def private_pem(form: serialization.PrivateFormat, passphrase: str = "") -> str:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return NEWEST.private.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL


@pytest.mark.parametrize(
    ("text", "passphrase", "mistake"),
    [
        pytest.param(private_pem(PKCS8), "", "", id="PKCS#8"),
        pytest.param(private_pem(TRADITIONAL), "", "", id="PKCS#1"),
        pytest.param(private_pem(PKCS8), "not needed", "", id="a passphrase that is not needed"),
        pytest.param(private_pem(PKCS8, "right"), "right", "", id="encrypted"),
        pytest.param(private_pem(TRADITIONAL, "right"), "right", "", id="PKCS#1, encrypted"),
        pytest.param(private_pem(PKCS8, "right"), "", "", id="no passphrase, which the key ring says"),
        pytest.param(private_pem(PKCS8, "right"), "wrong", "not with this WAYSTATE_PASSPHRASE", id="a wrong one"),
        pytest.param(private_pem(TRADITIONAL, "right"), "wrong", "not with this", id="PKCS#1, a wrong one"),
        pytest.param(private_pem(PKCS8).replace("\n", "\\n"), "", "written as \\n", id="escaped line ends"),
        pytest.param(NEWEST.public_pem, "", "it is the public half", id="the public key"),
        pytest.param(private_pem(serialization.PrivateFormat.OpenSSH), "", "it has OpenSSH's form", id="OpenSSH"),
        pytest.param("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "", "it is not PEM", id="base64 alone"),
        pytest.param("", "", "it is not PEM", id="nothing"),
    ],
)
def test_what_is_wrong_with_a_private_key_is_named(text: str, passphrase: str, mistake: str) -> None:
    found = pem_mistake(text, passphrase)

    assert mistake in found
    assert bool(found) == bool(mistake)


def test_a_key_file_with_escaped_line_ends_is_named(operator: Shell) -> None:
    path = Path(operator.settings["PRIVATE_KEY_FILE"])
    path.write_text(path.read_text().replace("\n", "\\n"))

    code, verdicts = examined(operator)

    ((thing, words),) = failures(verdicts)
    assert (code, thing) == (1, "keys")
    assert words.endswith("; its line ends are written as \\n: make them lines")
    assert verdicts["endpoint"][0][0] == "skip"


# Our own endpoint, as Meta reaches it


def test_an_endpoint_that_meta_can_reach_is_pinged(operator: Shell, server: Server, tmp_path: Path) -> None:
    key = tmp_path / "endpoint.pem"
    text = server.parts.flows._keys.keys[0].private.private_bytes(
        serialization.Encoding.PEM, PKCS8, serialization.NoEncryption()
    )
    key.write_bytes(text)
    key.chmod(0o600)
    secret = server.settings.app_secret

    code, verdicts = examined(operator, PUBLIC_URL=server.url, PRIVATE_KEY_FILE=str(key), APP_SECRET=secret)
    stale, found = examined(operator, PUBLIC_URL=server.url, APP_SECRET=secret)
    unsigned, refused_by = examined(operator, PUBLIC_URL=server.url, PRIVATE_KEY_FILE=str(key))

    assert (code, failures(verdicts)) == (0, [])
    offer = f"{server.url}/flows/personalised_offer"
    assert ("ok", f"{offer} {Diagnosis.WELL.value}") in verdicts["endpoint"]
    assert not any("purchase_interest" in words for _, words in verdicts["endpoint"])  # it makes no calls
    assert (stale, unsigned) == (1, 1)
    assert ("endpoint", f"{offer} {Diagnosis.NOT_OPENED.value}") in failures(found)
    assert ("endpoint", f"{offer} {Diagnosis.OTHER_SECRET.value}") in failures(refused_by)


def test_the_status_that_is_in_the_way_is_told(operator: Shell, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/flows/personalised_offer").respond_with_handler(lambda _: Response(status=503))

    _, verdicts = examined(operator, PUBLIC_URL=httpserver.url_for(""))

    url = httpserver.url_for("/flows/personalised_offer")
    assert ("FAIL", f"{url} {Diagnosis.STATUS.value} (HTTP 503)") in verdicts["endpoint"]
