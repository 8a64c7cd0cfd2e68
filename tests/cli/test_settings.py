"""What the environment says, and what is told when it says something wrong."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.settings import PREFIX, ConfigurationError, Settings, describe, is_made, load, load_loosely, unknown
from tests.cli.shell import SECRETS

COMPLETE = {"APP_SECRET": "app-secret", "VERIFY_TOKEN": "verify-token", "PRIVATE_KEY_FILE": "keys"}
KEPT = Path("var/development.json")
HIDDEN = "what-nobody-may-read-4d"
SIGNING = "whsec_c2lnbmluZyBzZWNyZXQgb2YgdGhlIHRlc3Rz"


def environ(**settings: str) -> dict[str, str]:
    return {f"{PREFIX}{name}": value for name, value in settings.items()}


def production(**settings: str) -> Settings:
    return load(environ(**COMPLETE, **settings))


def told(**settings: str) -> str:
    """Return what is said of settings that cannot be used."""
    with pytest.raises(ConfigurationError) as wrong:
        production(**settings)
    return str(wrong.value)


# Each of them


def test_what_is_not_set_has_its_default() -> None:
    expected = {name.removeprefix(PREFIX).lower(): default for name, _, default in describe()}

    settings = msgspec.to_builtins(production())

    given = {name.lower(): value for name, value in COMPLETE.items()}
    assert {name: str(value) for name, value in settings.items()} == {**expected, **given}
    assert expected["env"] == "production"
    assert (expected["host"], expected["port"], expected["workers"]) == ("127.0.0.1", "8000", "1")
    assert expected["database_url"] == "sqlite:///var/waystate.db"


def test_an_empty_one_is_not_set() -> None:
    assert production(**{name.removeprefix(PREFIX): "" for name, _, _ in describe() if name[9:] not in COMPLETE}) == (
        production()
    )


GIVEN: dict[str, tuple[str, Any]] = {
    "HOST": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - an address as production has it
    "PORT": ("8443", 8443),
    "WORKERS": ("1", 1),
    "DATABASE_URL": ("sqlite:////srv/way state.db", "sqlite:////srv/way state.db"),
    "DEFINITIONS": ("one:two", "one:two"),
    "PRIVATE_KEY": ("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"),
    "PASSPHRASE": ("Schlüssel", "Schlüssel"),
    "ACCESS_TOKEN": ("EAAB", "EAAB"),
    "PHONE_NUMBER_ID": ("100,101", "100,101"),
    "WABA_ID": ("200", "200"),
    "GRAPH_URL": ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
    "PUBLIC_URL": ("https://shop.example", "https://shop.example"),
    "DATA_KEY": (SECRETS["DATA_KEY"], SECRETS["DATA_KEY"]),
    "SMTP_URL": ("smtp://mail.example", "smtp://mail.example"),
    "SAMPLES": ("samples", "samples"),
    "ADMIN_TOKEN": ("a-1", "a-1"),
    "PORTAL_TOKEN": ("p-1", "p-1"),
    "COURIER_SECRETS": ("generic=one,eshopbox=two", "generic=one,eshopbox=two"),
    "COURIER_TOKENS": ("generic=one,eshopbox=two", "generic=one,eshopbox=two"),
    "WEBHOOK_SECRETS": (f"erp={SIGNING}", f"erp={SIGNING}"),
}


@pytest.mark.parametrize("name", [name.removeprefix(PREFIX) for name, _, _ in describe()])
def test_each_is_taken_from_the_environment(name: str) -> None:
    text, value = GIVEN.get(name, (COMPLETE.get(name, "production"),) * 2)

    assert getattr(load(environ(**{**COMPLETE, name: text})), name.lower()) == value


def test_what_they_mean() -> None:
    settings = production(
        DATABASE_URL="sqlite:////srv/waystate.db",
        DEFINITIONS=f"one{os.pathsep}{os.pathsep}two",
        PHONE_NUMBER_ID=" 100 ,101,",
        COURIER_SECRETS=" generic = one=1 , eshopbox=two,",
        WEBHOOK_SECRETS=f" erp = {SIGNING} , crm={SIGNING},",
    )

    assert settings.database == Path("/srv/waystate.db")
    assert settings.definition_folders == (Path("one"), Path("two"))
    assert settings.phone_numbers == {"100", "101"}
    assert settings.couriers == {"generic": "one=1", "eshopbox": "two"}
    assert settings.webhook_signing == {"erp": SIGNING, "crm": SIGNING}
    assert load(environ(**{**COMPLETE, "APP_SECRET": "new, old,"})).app_secrets == (b"new", b"old")


@pytest.mark.parametrize(
    ("given", "url", "hosts"),
    [
        pytest.param({}, "http://127.0.0.1:8000", {"127.0.0.1:8000", "localhost:8000", "[::1]:8000"}, id="none"),
        pytest.param(
            {"PUBLIC_URL": "https://Shop.example/", "PORT": "9000"},
            "https://Shop.example",
            {"127.0.0.1:9000", "localhost:9000", "[::1]:9000", "shop.example", "shop.example:443"},
            id="a public one",
        ),
        pytest.param(
            {"PUBLIC_URL": "http://[2001:db8::7]:8080"},
            "http://[2001:db8::7]:8080",
            {"127.0.0.1:8000", "localhost:8000", "[::1]:8000", "[2001:db8::7]:8080"},
            id="a public one of IPv6",
        ),
        pytest.param(
            {"HOST": "::1", "PORT": "80"},
            "http://[::1]:80",
            {*("127.0.0.1:80", "localhost:80", "[::1]:80"), *("127.0.0.1", "localhost", "[::1]")},
            id="the usual port",
        ),
    ],
)
def test_the_address_and_the_hosts_that_are_ours(given: dict[str, str], url: str, hosts: set[str]) -> None:
    settings = production(**given)

    assert (settings.base_url, {*settings.hosts}) == (url, hosts)


# Wrong ones


WRONG = [
    ("ENV", "staging"),
    ("ENV", HIDDEN),
    ("HOST", "[::1]"),
    ("HOST", "my host"),
    ("HOST", "localhost:8000"),
    ("PORT", "http"),
    ("PORT", "-1"),
    ("PORT", "65536"),
    ("PORT", "80.5"),
    ("WORKERS", "0"),
    ("WORKERS", "many"),
    ("WORKERS", "2"),
    ("DATABASE_URL", f"mysql://asha:{HIDDEN}@db/way"),
    ("DATABASE_URL", "waystate.db"),
    ("DATABASE_URL", f"{HIDDEN}:"),
    ("DATABASE_URL", "sqlite:///"),
    ("DATABASE_URL", "sqlite:///:memory:"),
    ("DATABASE_URL", "sqlite:///way.db?mode=ro"),
    ("PUBLIC_URL", "shop.example"),
    ("PUBLIC_URL", "ftp://shop.example"),
    ("PUBLIC_URL", "https://"),
    ("PUBLIC_URL", "https://shop.example:0"),
    ("PUBLIC_URL", "https://shop.example:many"),
    ("PUBLIC_URL", "https://[::1"),
    ("PUBLIC_URL", "https://my shop.example"),
    ("PUBLIC_URL", "https://bücher.example"),
    ("GRAPH_URL", "graph.facebook.com"),
    ("COURIER_SECRETS", HIDDEN),
    ("COURIER_SECRETS", f"={HIDDEN}"),
    ("COURIER_SECRETS", "generic="),
    ("COURIER_TOKENS", HIDDEN),
    ("COURIER_TOKENS", f"={HIDDEN}"),
    ("COURIER_TOKENS", f"generic={HIDDEN}ü"),
    ("COURIER_SECRETS", f"generic={HIDDEN}ü"),
    ("WEBHOOK_SECRETS", HIDDEN),
    ("WEBHOOK_SECRETS", f"={SIGNING}"),
    ("WEBHOOK_SECRETS", f"erp={HIDDEN}"),
    ("WEBHOOK_SECRETS", f"erp={SIGNING.removeprefix('whsec_')}"),
    ("WEBHOOK_SECRETS", "erp=whsec_dG9vIHNob3J0"),
    ("DATA_KEY", HIDDEN),
    ("DATA_KEY", "dG9vIHNob3J0"),
    ("ADMIN_TOKEN", f"{HIDDEN}ü"),
    ("ADMIN_TOKEN", f"{HIDDEN}\n"),
    ("PORTAL_TOKEN", f" {HIDDEN}"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_one_is_one_line_with_its_name_and_no_secret(name: str, value: str) -> None:
    line = told(**{name: value})

    what, where, fix = line.split("; ", 2)
    assert all((what, fix))
    assert where == f"{PREFIX}{name}"
    assert "\n" not in line
    assert HIDDEN not in line


@pytest.mark.parametrize("name", [name for name, _, _ in describe()])
def test_one_that_is_not_utf8_is_told(name: str) -> None:
    value = os.fsdecode(b"caf\xe9")

    with pytest.raises(ConfigurationError) as wrong:
        load({**environ(**COMPLETE), name: value})

    assert str(wrong.value) == f"it is not UTF-8; {name}; write it in UTF-8"


@given(st.sampled_from([name for name, _, _ in describe()]), st.text(st.characters(exclude_characters="\0")))
def test_whatever_they_say_is_taken_or_told_in_one_line(name: str, value: str) -> None:
    try:
        settings = load({**environ(**COMPLETE), name: value})
    except ConfigurationError as wrong:
        line = str(wrong)
        assert name in line
        assert line.isprintable()
    else:
        assert settings.base_url
        assert settings.hosts


@pytest.mark.parametrize("missing", COMPLETE)
def test_production_lacks_nothing(missing: str) -> None:
    given = {name: value for name, value in COMPLETE.items() if name != missing}

    with pytest.raises(ConfigurationError, match=f"; {PREFIX}{missing}; "):
        load(environ(**given))


def test_a_key_may_be_a_text_instead_of_a_file() -> None:
    assert load(environ(APP_SECRET="a", VERIFY_TOKEN="v", PRIVATE_KEY="-----BEGIN")).private_key == "-----BEGIN"  # noqa: S106


def test_what_looks_like_a_setting_and_is_none_is_known() -> None:
    assert unknown({**environ(**COMPLETE, WORKER="x", ENVIRONMENT="y"), "HOME": "/"}) == [
        f"{PREFIX}ENVIRONMENT",
        f"{PREFIX}WORKER",
    ]


def test_settings_do_not_show_their_secrets() -> None:
    settings = load(environ(**{**COMPLETE, **SECRETS}))

    assert f"{settings!r} {settings}" == "Settings(production) Settings(production)"


# Development


def test_development_makes_its_secrets_once_for_its_owner_alone() -> None:
    first = load_loosely(environ(ENV="development"))
    kept = json.loads(KEPT.read_text())

    assert load_loosely(environ(ENV="development")) == first
    assert stat.S_IMODE(KEPT.stat().st_mode) == 0o600
    assert kept.keys() == {"app_secret", "verify_token", "admin_token", "portal_token", "courier_secrets", "data_key"}
    assert all(getattr(first, name) == secret and is_made(first, name) for name, secret in kept.items())
    assert len({*kept.values()}) == len(kept)


def test_what_the_environment_says_comes_before_what_was_made() -> None:
    load_loosely(environ(ENV="development"))

    settings = load_loosely(environ(ENV="development", ADMIN_TOKEN="mine", PRIVATE_KEY_FILE="ring"))  # noqa: S106 - invented

    assert (settings.admin_token, settings.private_key_file) == ("mine", "ring")
    assert not is_made(settings, "admin_token")
    assert is_made(settings, "portal_token")


def test_secrets_that_are_missing_are_made_to_those_that_are_kept() -> None:
    KEPT.parent.mkdir()
    KEPT.write_text('{"admin_token": "kept-before", "note": "what somebody wrote there"}')

    settings = load_loosely(environ(ENV="development"))

    kept = json.loads(KEPT.read_text())
    assert settings.admin_token == kept["admin_token"] == "kept-before"  # noqa: S105 - invented
    assert kept["note"] == "what somebody wrote there"
    assert settings.portal_token == kept["portal_token"] != ""


@pytest.mark.parametrize(
    "kept", [b"{", b"[]", b'{"data_key": 1}', b'{"data_key": "short"}', b'{"courier_secrets": "none"}', b"\xff"]
)
def test_kept_secrets_that_cannot_be_used_are_told(kept: bytes) -> None:
    KEPT.parent.mkdir()
    KEPT.write_bytes(kept)

    with pytest.raises(ConfigurationError) as wrong:
        load_loosely(environ(ENV="development"))

    what = "the secrets made for development cannot be read"
    assert str(wrong.value) == f"{what}; {KEPT}; delete it, and new secrets are made"


def test_where_development_kept_its_secrets_commands_mean_it() -> None:
    assert load_loosely({}).env == "production"
    made = load_loosely(environ(ENV="development"))

    assert load_loosely({}) == made
    assert load_loosely(environ(ENV="production")).admin_token == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_development_is_for_this_machine(host: str) -> None:
    assert load(environ(ENV="development", HOST=host)).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "shop.example", "::", "127.0.0.2"])  # noqa: S104 - those are refused
def test_and_for_no_other(host: str) -> None:
    with pytest.raises(ConfigurationError, match=f"; {PREFIX}HOST; "):
        load(environ(ENV="development", HOST=host))
