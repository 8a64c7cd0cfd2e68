"""`waystate doctor`: everything that has to be right is looked at, and what is not is named."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from api.cli import doctor
from tests.cli.shell import SECRETS, Said, Shell
from tests.cli.test_serve import bare_key, broken_lifecycle, foreign_database, logic_for_other_screens, newer_schema

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
    assert (code, list(verdicts)) == (0, ["settings", "keys", "definitions", "database", "disk"])
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
