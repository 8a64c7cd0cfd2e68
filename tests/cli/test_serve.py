"""`waystate serve`: what keeps it from starting is one line, what starts ends in order."""

import json
import shutil
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from api.cli.exits import BAD_CONFIGURATION
from api.keyring import generate, read_key
from api.settings import load
from bench.servers import Server
from lab.phone import Answer, Phone
from lab.trial import waited
from lab.world import World
from storage.migrate import Schema, schema
from tests.cli.shell import SECONDS, SECRETS, Said, Shell

OFFER = Path(__file__).parents[2] / "definitions/flows/personalised_offer/flow.json"

SLOW_LOGIC = """\
import asyncio
from pathlib import Path

from definitions.screens import Screens, Session, Success

screens = Screens()


@screens.show("WAIT")
async def wait(session: Session) -> dict[str, object]:
    Path("asked").touch()
    await asyncio.sleep(1.0)
    return {}


@screens.submit("WAIT")
def waited(session: Session, form: dict[str, object]) -> Success:
    return Success({})
"""

OTHER_LOGIC = """\
from definitions.screens import Screens, Session

screens = Screens()


@screens.show("TIMES")
def show_times(session: Session) -> dict[str, object]:
    return {}
"""

SLOW_FLOW = {
    "version": "7.3",
    "data_api_version": "3.0",
    "routing_model": {"WAIT": []},
    "screens": [
        {
            "id": "WAIT",
            "title": "Wait",
            "terminal": True,
            "data": {},
            "layout": {
                "type": "SingleColumnLayout",
                "children": [
                    {
                        "type": "Footer",
                        "label": "Done",
                        "on-click-action": {"name": "data_exchange", "payload": {"done": "yes"}},
                    }
                ],
            },
        }
    ],
}

LIFECYCLE = """\
{
  "id": "parcel",
  "initial": "packed",
  "states": {
    "packed": {"on": {"picked_up": "moving", "lost": "there"}},
    "there": {"type": "final"}
  }
}
"""


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def waits(folder: Path) -> None:
    """Write a Flow whose screen takes a second to show, and whose logic leaves `asked` when it begins to."""
    flow = folder / "flows/patience"
    flow.mkdir(parents=True)
    (flow / "flow.json").write_text(json.dumps(SLOW_FLOW))
    (flow / "screens.py").write_text(SLOW_LOGIC)


def world_of(shell: Shell, url: str) -> World:
    """Return what the peers of a production server know of it."""
    path = Path(shell.settings["PRIVATE_KEY_FILE"])
    key = read_key(path, SECRETS["PASSPHRASE"].encode(), load(settings_of(shell)))
    return World(
        url,
        SECRETS["APP_SECRET"],
        SECRETS["ADMIN_TOKEN"],
        SECRETS["PORTAL_TOKEN"],
        "courier-secret-e0c8",
        key.public_pem,
    )


def settings_of(shell: Shell) -> Mapping[str, str]:
    return {f"WAYSTATE_{name}": value for name, value in shell.settings.items()}


# What keeps a server from starting


def nothing(_: Path) -> dict[str, str]:
    return {}


def bare_key(home: Path) -> dict[str, str]:
    key = home / "keys" / generate(home / "keys", "").name
    key.chmod(0o640)
    return {"PRIVATE_KEY_FILE": str(key)}


def short_key(home: Path) -> dict[str, str]:
    (home / "keys/short.pem").write_text("-----BEGIN PRIVATE KEY-----\nbm8ga2V5\n-----END PRIVATE KEY-----\n")
    (home / "keys/short.pem").chmod(0o600)
    return {"PRIVATE_KEY_FILE": "keys/short.pem"}


def weak_key(home: Path) -> dict[str, str]:
    return written_key(home, rsa.generate_private_key(65537, 1024))  # noqa: S505 - that is the point


def curved_key(home: Path) -> dict[str, str]:
    return written_key(home, ec.generate_private_key(ec.SECP256R1()))


def written_key(home: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> dict[str, str]:
    (home / "keys/odd.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (home / "keys/odd.pem").chmod(0o600)
    return {"PRIVATE_KEY_FILE": "keys/odd.pem"}


def broken_lifecycle(home: Path) -> dict[str, str]:
    (home / "mine/lifecycles").mkdir(parents=True)
    (home / "mine/lifecycles/parcel.json").write_text(LIFECYCLE)
    return {"DEFINITIONS": "mine"}


def broken_json(home: Path) -> dict[str, str]:
    (home / "mine/lifecycles").mkdir(parents=True)
    (home / "mine/lifecycles/parcel.json").write_text('{\n  "id": "parcel"]}')
    return {"DEFINITIONS": "mine"}


def broken_logic(home: Path) -> dict[str, str]:
    flow = home / "mine/flows/offer"
    flow.mkdir(parents=True)
    shutil.copy(OFFER, flow)
    (flow / "screens.py").write_text("import sys\nimport no_such_module\n")
    return {"DEFINITIONS": "mine"}


def logic_that_is_no_python(home: Path) -> dict[str, str]:
    broken_logic(home)
    (home / "mine/flows/offer/screens.py").write_text("x = (\n")
    return {"DEFINITIONS": "mine"}


def logic_that_ends_everything(home: Path) -> dict[str, str]:
    broken_logic(home)
    (home / "mine/flows/offer/screens.py").write_text("import sys\nsys.exit(3)\n")
    return {"DEFINITIONS": "mine"}


def logic_for_other_screens(home: Path) -> dict[str, str]:
    broken_logic(home)
    (home / "mine/flows/offer/screens.py").write_text(OTHER_LOGIC)
    return {"DEFINITIONS": "mine"}


def newer_schema(home: Path) -> dict[str, str]:
    execute(home / "var/waystate.db", "UPDATE alembic_version SET version_num = 'from-the-future'")
    return {}


def foreign_database(home: Path) -> dict[str, str]:
    execute(home / "other.db", "CREATE TABLE recipe (name TEXT)")
    return {"DATABASE_URL": "sqlite:///other.db"}


def no_database(home: Path) -> dict[str, str]:
    (home / "notes.db").write_text("this is no database, though its name says so" * 100)
    return {"DATABASE_URL": "sqlite:///notes.db"}


def locked_out(home: Path) -> dict[str, str]:
    (home / "var/waystate.db.lock").mkdir()
    return {}


BAD = [
    pytest.param(
        {"APP_SECRET": ""},
        "production needs it and it is not set; WAYSTATE_APP_SECRET; "
        "set it to the app secret from Meta's App Dashboard, Settings, Basic",
        id="no app secret",
    ),
    pytest.param(
        {"APP_SECRET": " , "},
        "production needs it and it is not set; WAYSTATE_APP_SECRET; "
        "set it to the app secret from Meta's App Dashboard, Settings, Basic",
        id="an app secret of commas",
    ),
    pytest.param(
        {"VERIFY_TOKEN": ""},
        "production needs it and it is not set; WAYSTATE_VERIFY_TOKEN; set it to a secret text, "
        "and the same in Meta's App Dashboard, WhatsApp, Configuration",
        id="no verify token",
    ),
    pytest.param(
        {"PRIVATE_KEY_FILE": ""},
        "production needs the endpoint's private key; WAYSTATE_PRIVATE_KEY_FILE; "
        "make one with `waystate keys generate` and name it there",
        id="no key",
    ),
    pytest.param(
        {"PRIVATE_KEY_FILE": "keys/other.pem"},
        "the private key cannot be read (No such file or directory); keys/other.pem; check WAYSTATE_PRIVATE_KEY_FILE",
        id="no key where it should be",
    ),
    pytest.param(
        {"PRIVATE_KEY_FILE": "var"},
        "there is no key in the folder; var; make one with `waystate keys generate`",
        id="an empty ring",
    ),
    pytest.param(
        {"PASSPHRASE": "wrong-passphrase-1c"},
        "the private key cannot be read: wrong passphrase, or not a PEM key; {key}; "
        "check WAYSTATE_PASSPHRASE, and that the file begins with -----BEGIN",
        id="a wrong passphrase",
    ),
    pytest.param(
        {"PASSPHRASE": ""},
        "the private key is encrypted and there is no passphrase; {key}; set WAYSTATE_PASSPHRASE",
        id="no passphrase",
    ),
    pytest.param(
        bare_key,
        "others on this machine can read the private key; {PRIVATE_KEY_FILE}; chmod 600 {PRIVATE_KEY_FILE}",
        id="a key that others can read",
    ),
    pytest.param(
        short_key,
        "the private key cannot be read: wrong passphrase, or not a PEM key; keys/short.pem; "
        "check WAYSTATE_PASSPHRASE, and that the file begins with -----BEGIN",
        id="a key that is none",
    ),
    *(
        pytest.param(
            odd_key,
            "the private key is not RSA of 2048 bits or more; keys/odd.pem; make one with `waystate keys generate`",
            id=name,
        )
        for odd_key, name in ((weak_key, "a key that is too short"), (curved_key, "a key that is not RSA"))
    ),
    pytest.param(
        broken_lifecycle,
        "a definition is wrong: /states/packed/on/picked_up: there is no state moving; "
        "mine/lifecycles/parcel.json:5:23; see `waystate check mine/lifecycles/parcel.json`",
        id="a definition that is wrong",
    ),
    pytest.param(
        broken_json,
        "a definition is wrong: /: JSON is malformed: expected ',' or '}}' (byte 18); "
        "mine/lifecycles/parcel.json:2:17; see `waystate check mine/lifecycles/parcel.json`",
        id="a definition that is not JSON",
    ),
    pytest.param(
        broken_logic,
        "a definition's code cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'; "
        "{home}/mine/flows/offer/screens.py:2; correct it",
        id="logic that cannot be imported",
    ),
    pytest.param(
        logic_that_is_no_python,
        "a definition's code cannot be loaded: SyntaxError: '(' was never closed; "
        "{home}/mine/flows/offer/screens.py:1:5; correct it",
        id="logic that is no Python",
    ),
    pytest.param(
        logic_that_ends_everything,
        "a definition's code cannot be loaded: SystemExit: 3; {home}/mine/flows/offer/screens.py:2; correct it",
        id="logic that ends everything",
    ),
    pytest.param(
        logic_for_other_screens,
        "the logic is wrong: show_times is bound to TIMES, which is no screen; there are: "
        "PRODUCT_SELECTOR, OPTIONS, OFFER, PRODUCT_DETAIL (and 8 more); "
        "mine/flows/offer/screens.py; correct it; `waystate doctor` tells all 9",
        id="logic for other screens",
    ),
    pytest.param(
        {"DEFINITIONS": "mine"},
        "there is no such folder; WAYSTATE_DEFINITIONS=mine; correct the path",
        id="no folder of definitions",
    ),
    pytest.param(
        newer_schema,
        "the database was made by a later version of this program, or by another one; var/waystate.db; "
        "use the version that made it, a backup from before, or another file",
        id="a newer schema",
    ),
    pytest.param(
        foreign_database,
        "the database was made by a later version of this program, or by another one; other.db; "
        "use the version that made it, a backup from before, or another file",
        id="somebody else's database",
    ),
    pytest.param(
        {"DATABASE_URL": "sqlite:///new.db"},
        "the database's schema is not there yet or older than this program; new.db; run `waystate db upgrade`",
        id="no database yet",
    ),
    pytest.param(
        no_database,
        "the database cannot be used (file is not a database); notes.db; correct WAYSTATE_DATABASE_URL",
        id="a file that is no database",
    ),
    pytest.param(
        {"DATABASE_URL": "postgresql://asha:db-password-08@db/orders"},
        "no postgresql database can be used yet; WAYSTATE_DATABASE_URL; "
        "use sqlite:///PATH; PostgreSQL comes with a later version",
        id="a foreign database",
    ),
    pytest.param(
        {"WORKERS": "2"},
        "several workers cannot share a SQLite file; WAYSTATE_WORKERS; "
        "set it to 1: a SQLite file has one writing process",
        id="several workers",
    ),
    pytest.param(
        {"ENV": "development", "HOST": "192.0.2.1"},
        "development listens on loopback only; WAYSTATE_HOST; "
        "listen on 127.0.0.1, or set WAYSTATE_ENV=production with its secrets",
        id="development that others could reach",
    ),
    pytest.param(
        {"PUBLIC_URL": "shop.example"},
        "that is no address; WAYSTATE_PUBLIC_URL; write it with its scheme: https://shop.example",
        id="a public address without scheme",
    ),
]


@pytest.fixture
def doomed(operator: Shell) -> Iterator[Shell]:
    """Return a shell whose server cannot start in any case: what is found too late is told as a port in use."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield Shell(operator.folder, **operator.settings, PORT=str(taken.getsockname()[1]))


@pytest.mark.parametrize(("wrong", "line"), BAD)
def test_what_keeps_a_server_from_starting_is_told_in_one_line(
    doomed: Shell, wrong: Mapping[str, str] | Callable[[Path], Mapping[str, str]], line: str
) -> None:
    settings = wrong(doomed.folder) if callable(wrong) else wrong
    places = {"home": doomed.folder, "key": doomed.settings["PRIVATE_KEY_FILE"], **settings}

    said = doomed.call("serve", **settings)

    assert said == Said(BAD_CONFIGURATION, err=f"waystate: {line.format(**places)}\n")


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["--host", "192.0.2.1"], "WAYSTATE_HOST"),
        (["--workers", "2"], "WAYSTATE_WORKERS"),
        (["--port", "PORT"], "127.0.0.1:PORT"),
    ],
    ids=["host", "workers", "port"],
)
def test_an_option_comes_before_the_environment(doomed: Shell, arguments: list[str], where: str) -> None:
    port = doomed.settings["PORT"]
    given = {"ENV": "development", "HOST": "127.0.0.1", "WORKERS": "1", "PORT": "0" if "PORT" in where else port}

    said = doomed.call("serve", *[argument.replace("PORT", port) for argument in arguments], **given)

    assert said.code == BAD_CONFIGURATION
    assert f"; {where.replace('PORT', port)}; " in said.err


@pytest.mark.parametrize(
    "arguments",
    [["--port", "http"], ["--port", "65536"], ["--workers", "0"], ["--loud"], ["now"]],
    ids=" ".join,
)
def test_bad_usage_is_told(doomed: Shell, arguments: list[str]) -> None:
    said = doomed.call("serve", *arguments)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Usage: waystate serve ")


def test_so_it_is_by_the_program_itself(operator: Shell) -> None:
    said = operator.serve_in_vain(APP_SECRET="")

    assert said == Said(
        BAD_CONFIGURATION,
        err="waystate: production needs it and it is not set; WAYSTATE_APP_SECRET; "
        "set it to the app secret from Meta's App Dashboard, Settings, Basic\n",
    )


def test_no_secret_is_in_what_a_server_says_that_does_not_start(doomed: Shell) -> None:
    wrong = {
        "PASSPHRASE": "wrong-passphrase-1c",
        "DATABASE_URL": "postgresql://asha:db-password-08@db/orders",
        "COURIER_SECRETS": "courier-secret-without-name",
        "DATA_KEY": "data-key-that-is-none",
    }
    said = [doomed.call("serve", **{name: value}) for name, value in wrong.items()]
    secrets = [*SECRETS.values(), *wrong.values(), "db-password-08"]

    assert [answer.code for answer in said] == [BAD_CONFIGURATION] * len(wrong)
    assert [secret for secret in secrets if any(secret in answer.err + answer.out for answer in said)] == []


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        pytest.param(
            locked_out,
            "the database cannot be opened ([Errno 21] Is a directory: 'var/waystate.db.lock'); var/waystate.db; "
            "see `waystate doctor`",
            id="a database that cannot be locked",
        ),
        pytest.param(
            lambda _: {"HOST": "192.0.2.1"},
            "cannot listen there (Cannot assign requested address); 192.0.2.1:8000; "
            "choose another with WAYSTATE_PORT or --port, or stop what listens there",
            id="a host that is not ours",
        ),
    ],
)
def test_what_is_found_last_is_told_in_one_line_too(
    operator: Shell, wrong: Callable[[Path], Mapping[str, str]], line: str
) -> None:
    said = operator.serve_in_vain(**wrong(operator.folder))

    assert said == Said(BAD_CONFIGURATION, err=f"waystate: {line}\n")


@pytest.mark.usefixtures("a_later_program")
def test_production_refuses_an_older_schema(doomed: Shell) -> None:
    said = doomed.call("serve")

    assert said == Said(
        BAD_CONFIGURATION,
        err="waystate: the database's schema is not there yet or older than this program; var/waystate.db; "
        "run `waystate db upgrade`\n",
    )
    assert schema(doomed.folder / "var/waystate.db") is Schema.OLDER


@pytest.mark.usefixtures("a_later_program")
def test_development_upgrades_an_older_schema(doomed: Shell) -> None:
    said = doomed.call("serve", ENV="development")

    assert "cannot listen there" in said.err
    assert schema(doomed.folder / "var/waystate.db") is Schema.CURRENT


def test_secrets_of_development_that_cannot_be_read_are_told(developer: Shell) -> None:
    (developer.folder / "var").mkdir()
    (developer.folder / "var/development.json").write_text('{"app_secret": ')

    said = developer.serve_in_vain()

    assert said == Said(
        BAD_CONFIGURATION,
        err="waystate: the secrets made for development cannot be read; var/development.json; "
        "delete it, and new secrets are made\n",
    )


def test_a_place_where_nothing_can_be_kept_is_told(developer: Shell) -> None:
    (developer.folder / "var").write_text("a file where the folder should be")

    said = developer.serve_in_vain()

    assert said == Said(
        BAD_CONFIGURATION,
        err="waystate: the secrets made for development cannot be kept (File exists); var/development.json; "
        "make that folder one that can be written to\n",
    )


def test_a_port_in_use_is_told(operator: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = operator.serve_in_vain("--port", str(port))

    assert said == Said(
        BAD_CONFIGURATION,
        err=f"waystate: cannot listen there (Address already in use); 127.0.0.1:{port}; "
        "choose another with WAYSTATE_PORT or --port, or stop what listens there\n",
    )


def test_a_second_server_on_one_database_is_told(operator: Shell) -> None:
    with operator.serving() as first:
        first.wait_until_up()
        said = operator.serve_in_vain("--port", "0")

    assert said == Said(
        BAD_CONFIGURATION,
        err="waystate: another server has the database open; var/waystate.db; stop it, or set WAYSTATE_DATABASE_URL\n",
    )


@pytest.mark.parametrize("missing", [{}, {"APP_SECRET": ""}], ids=["nothing", "the app secret"])
def test_the_lab_is_for_development_whatever_production_lacks(operator: Shell, missing: Mapping[str, str]) -> None:
    said = operator.serve_in_vain("--lab", **missing)

    assert said == Said(
        BAD_CONFIGURATION,
        err="waystate: the lab is for development; --lab; leave it away, or set WAYSTATE_ENV=development\n",
    )


def test_a_server_whose_start_fails_later_ends_with_an_error(operator: Shell) -> None:
    execute(operator.folder / "var/waystate.db", "DROP TABLE definition_version")

    said = operator.serve_in_vain("--port", "0")

    assert said.code not in {0, BAD_CONFIGURATION}
    assert "no such table: definition_version" in said.err


# What starts


def test_production_serves_when_all_is_set_and_shows_no_secret(operator: Shell) -> None:
    with operator.serving(PUBLIC_URL="https://Shop.example") as server:
        server.wait_until_up()
        # The listening address is not what the banner tells: a proxy is in front.
        port = _port_of(server)
        world = world_of(operator, f"http://127.0.0.1:{port}")
        answer = Phone(world, "personalised_offer", "t-1").open()
        as_meta_sees_it = httpx2.get(f"http://127.0.0.1:{port}/health/ready", headers={"Host": "shop.example"})
        code = server.stop()
        said = server.said + server.complained

    assert (answer.status, answer.content["screen"]) == (200, "PRODUCT_SELECTOR")
    assert as_meta_sees_it.status_code == 200
    assert (code, said) == (0, "Waystate serves at https://Shop.example  (stop it with Ctrl-C)\n")


def test_development_makes_what_it_lacks_and_shows_only_what_it_made(developer: Shell) -> None:
    with developer.serving(ADMIN_TOKEN=SECRETS["ADMIN_TOKEN"]) as server:
        url = server.wait_until_up()
        live = httpx2.get(f"{url}/health/live")
        code = server.stop()
    kept = json.loads((developer.folder / "var/development.json").read_text())
    made = {name: secret for name, secret in kept.items() if name not in {"admin_token", "courier_secrets", "data_key"}}

    assert (live.status_code, code, server.said.count("\n") > 10) == (200, 0, True)
    assert [name for name, secret in made.items() if secret not in server.said] == []
    assert all(pair.replace("=", " ") in server.said for pair in kept["courier_secrets"].split(","))
    assert "admin token        as the environment says\n" in server.said
    assert [secret for secret in (SECRETS["ADMIN_TOKEN"], kept["admin_token"]) if secret in server.said] == []


def test_a_server_listens_on_ipv6_too(developer: Shell) -> None:
    with developer.serving(HOST="::1") as server:
        url = server.wait_until_up()
        status = httpx2.get(f"{url}/health/live").status_code

    assert url.startswith("http://[::1]:")
    assert status == 200


@pytest.mark.parametrize("told", ["SIGTERM", "SIGINT"])
def test_a_server_told_to_stop_answers_what_is_under_way_and_ends_with_0(developer: Shell, told: str) -> None:
    waits(developer.folder / "mine")
    answers: list[Answer] = []
    with developer.serving(DEFINITIONS="mine") as server:
        url = server.wait_until_up()
        calling = threading.Thread(target=lambda: answers.append(_phone_of(developer, url).open()))
        calling.start()
        waited(lambda: (developer.folder / "asked").exists() or None, "the call does not reach the logic", SECONDS)
        code = server.stop(signal.Signals[told])
        calling.join()

    assert [(answer.status, answer.content["screen"]) for answer in answers] == [(200, "WAIT")]
    assert (code, server.complained) == (0, "")


def test_a_server_told_to_stop_lets_half_a_body_have_its_time_and_no_more(developer: Shell) -> None:
    with developer.serving() as server:
        url = httpx2.URL(server.wait_until_up())
        with socket.create_connection((url.host, url.port or 0), timeout=SECONDS) as half:
            head = (
                f"POST /flows/personalised_offer HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Length: 10\r\n\r\n"
            )
            half.sendall(head.encode() + b"{")
            assert httpx2.get(url.join("/health/live")).status_code == 200  # what came before this was read, too
            code = server.stop()
            answered = half.recv(1000)

    assert answered.startswith(b"HTTP/1.1 408 ")
    assert code == 0


def test_a_server_ends_at_once_though_somebody_looks_at_the_console(developer: Shell) -> None:
    with developer.serving() as server, httpx2.Client(trust_env=False, timeout=SECONDS) as staff:
        url = server.wait_until_up()
        token = json.loads((developer.folder / "var/development.json").read_text())["admin_token"]
        signed_in = staff.post(f"{url}/admin/sign-in", data={"token": token}, headers={"Origin": url})
        assert signed_in.status_code == 303
        with staff.stream("GET", f"{url}/admin/live?counts=*") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            code = server.stop()
            stream.read()  # it ended in order, and was not cut off when waiting for it was over

    assert (code, server.complained) == (0, "")


def test_the_lab_puts_its_sample_orders(developer: Shell) -> None:
    with developer.serving("--lab") as server:
        url = server.wait_until_up()
        token = json.loads((developer.folder / "var/development.json").read_text())["admin_token"]
        items: list[object] = []
        patience = time.monotonic() + SECONDS
        while len(items) < 2 and time.monotonic() < patience:
            time.sleep(0.1)
            page = httpx2.get(
                f"{url}/admin/api/v1/sessions?definition=order", headers={"Authorization": f"Bearer {token}"}
            )
            items = page.json()["items"]

    assert len(items) == 2


def _phone_of(shell: Shell, url: str) -> Phone:
    """Return a phone with the slow Flow open, of a server in development."""
    kept = json.loads((shell.folder / "var/development.json").read_text())
    (file,) = (shell.folder / "var/keys").glob("*.pem")
    public = read_key(file, None, load({"WAYSTATE_ENV": "development"})).public_pem
    world = World(url, kept["app_secret"], kept["admin_token"], kept["portal_token"], "", public)
    return Phone(world, "patience", "t-1")


def _port_of(server: Server) -> int:
    """Return the port that a server listens on, which only the system knows."""
    inodes = set()
    for descriptor in Path(f"/proc/{server.process.pid}/fd").iterdir():
        target = str(descriptor.readlink())
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:  # listening
            return int(fields[1].rpartition(":")[2], 16)
    raise LookupError
