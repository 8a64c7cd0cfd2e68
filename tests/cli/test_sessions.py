"""`waystate sessions` and `diagram --session`: the admin API of a running server, from a shell."""

import json
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.phone import Phone
from lab.world import World
from tests.cli.shell import Said, Shell, producing
from tests.cli.test_serve import world_of

KEY = "token/of asha?&#%2F"
"""A key that an address cannot have as it is."""

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, key_file: Path, empty_database: Path) -> Iterator[World]:
    """Return a running server that has a session in the middle of the offer, and a younger one at its beginning."""
    operator = producing(tmp_path_factory.mktemp("operator"), key_file, empty_database)
    with operator.serving() as server:
        world = world_of(operator, server.wait_until_up())
        phone = Phone(world, "personalised_offer", KEY)
        phone.open()
        phone.submit("PRODUCT_SELECTOR", product_selection="2_cameras")
        Phone(world, "personalised_offer", "other").open()
        yield world


@pytest.fixture
def shell(home: Path, world: World) -> Shell:
    """Return a shell that knows where the server is, and the token."""
    return Shell(home, PUBLIC_URL=world.url, ADMIN_TOKEN=world.admin_token)


@pytest.fixture
def inquiry(world: World) -> str:
    """Return the key of a question that waits for an answer."""
    wamid = f"wamid.{secrets.token_hex(8)}"
    message = {
        "from": "919800000042",
        "id": wamid,
        "timestamp": "1767268800",
        "type": "text",
        "text": {"body": "Is it there in blue?"},
        "context": {"id": "wamid.shown", "referred_product": {"catalog_id": "c-1", "product_retailer_id": "p-1"}},
    }
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1"}, "messages": [message]}
    change = {"field": "messages", "value": value}
    update = {"object": "whatsapp_business_account", "entry": [{"id": "2", "changes": [change]}]}
    assert world.post("/webhooks/whatsapp", json.dumps(update).encode()).status_code == 200
    return wamid


def rows(said: Said) -> list[list[str]]:
    """Return the rows of a table, with times that are times left out."""
    assert (said.code, said.err) == (0, "")
    heads, *lines = said.out.splitlines()
    assert heads.split() == ["DEFINITION", "KEY", "STATE", "UPDATED"]
    cells = [re.split(r" {2,}", line) for line in lines]
    assert all(TIME.fullmatch(row[3]) for row in cells)
    return [row[:3] for row in cells]


# list


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        pytest.param([], ["other", KEY], id="all, the newest first"),
        pytest.param(["--definition", "personalised_offer"], ["other", KEY], id="of a definition"),
        pytest.param(["--definition", "order"], [], id="of another one"),
        pytest.param(["--state", "OPTIONS"], [KEY], id="in a state"),
        pytest.param(["-q", KEY], [KEY], id="of a key"),
        pytest.param(["-q", "token/of"], [KEY], id="of the beginning of a key"),
        pytest.param(["-q", "asha"], [], id="of the middle of a key"),
    ],
)
def test_sessions_are_listed(shell: Shell, options: list[str], keys: list[str]) -> None:
    states = {KEY: "OPTIONS", "other": "PRODUCT_SELECTOR"}

    listed = rows(shell.call("sessions", "list", *options))

    assert [row for row in listed if row[0] != "inquiry"] == [["personalised_offer", key, states[key]] for key in keys]


def test_a_list_that_goes_on_says_so(shell: Shell) -> None:
    said = shell.call("sessions", "list", "--limit", "1", "--definition", "personalised_offer")

    assert (said.code, len(said.out.splitlines())) == (0, 2)
    assert said.err == "(only the first 1; narrow it, or raise --limit)\n"


# show


def test_a_session_is_shown_with_its_history(shell: Shell) -> None:
    said = shell.call("sessions", "show", "personalised_offer", KEY)

    out = TIME.sub("TIME", re.sub(r"(version  )[0-9a-f]{16}", r"\1VERSION", said.out))
    takes = re.search(r"takes    (.*)", out)
    assert (said.code, said.err) == (0, "")
    assert takes is not None
    assert "data_exchange" in takes[1].split(", ")
    assert [line.split() for line in out.splitlines()] == [
        ["personalised_offer", *KEY.split()],
        ["state", "OPTIONS"],
        ["revision", "2"],
        ["version", "VERSION"],
        takes[0].split(),
        [],
        ["SEQ", "OCCURRED", "EVENT", "FROM", "TO", "NOTES"],
        ["1", "TIME", "INIT", "not_opened", "PRODUCT_SELECTOR"],
        ["2", "TIME", "data_exchange", "PRODUCT_SELECTOR", "OPTIONS"],
    ]


def test_a_session_is_shown_as_json(shell: Shell) -> None:
    said = shell.call("sessions", "show", "--json", "personalised_offer", KEY)

    session: dict[str, Any] = json.loads(said.out)
    history = session.pop("history")
    assert (said.code, said.err) == (0, "")
    assert {name: session[name] for name in ("definition", "key", "state", "revision")} == {
        "definition": "personalised_offer",
        "key": KEY,
        "state": "OPTIONS",
        "revision": 2,
    }
    assert {"version", "context", "allowed_events", "created_at", "updated_at", "deadline", "effects"} <= session.keys()
    assert [(item["seq"], item["event"], item["source_state"], item["target_state"]) for item in history] == [
        (1, "INIT", "not_opened", "PRODUCT_SELECTOR"),
        (2, "data_exchange", "PRODUCT_SELECTOR", "OPTIONS"),
    ]


# send


def test_an_event_moves_a_session_once(shell: Shell, inquiry: str) -> None:
    send = ["sessions", "send", "inquiry", inquiry, "closed", "--id", f"a-{inquiry}"]
    given = ["--data", '{"by": "phone"}', "--reason", "called back"]

    said = [shell.call(*send, *given) for _ in range(2)]

    history = json.loads(shell.call("sessions", "show", "--json", "inquiry", inquiry).out)["history"]
    assert said == [Said(0, "closed\n")] * 2
    assert [(item["event"], item["target_state"]) for item in history] == [("asked", "open"), ("closed", "closed")]
    assert history[1]["data"] == {"by": "phone", "reason": "called back"}


def test_what_a_session_cannot_take_is_told_with_what_it_can(shell: Shell, inquiry: str) -> None:
    shell.call("sessions", "send", "inquiry", inquiry, "closed")

    said = shell.call("sessions", "send", "inquiry", inquiry, "answered")

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: illegal_transition; ")
    assert said.err.endswith("closed takes: nothing\n")


@pytest.mark.parametrize("data", ["", "{", "[]", '"text"', "1"])
def test_data_that_is_no_object_is_bad_usage(shell: Shell, inquiry: str, data: str) -> None:
    said = shell.call("sessions", "send", "inquiry", inquiry, "closed", "--data", data)

    assert (said.code, said.out) == (2, "")
    assert "Error: Invalid value for --data: not a JSON object: " in said.err
    assert shell.call("sessions", "send", "inquiry", inquiry, "closed") == Said(0, "closed\n")


# open


def test_a_session_is_opened_and_its_key_printed(shell: Shell) -> None:
    said = shell.call("sessions", "open", "purchase_interest", "--data", '{"campaign": "early"}')

    assert (said.code, said.err) == (0, "")
    shown = json.loads(shell.call("sessions", "show", "--json", "purchase_interest", said.out.strip()).out)
    assert (shown["state"], shown["context"]["data"]) == ("not_opened", {"campaign": "early"})
    assert shell.call("sessions", "open", "purchase_interest", "--data", "[]").code == 2
    refused = shell.call("sessions", "open", "order", "--key", "O-1")
    assert (refused.code, refused.err.partition(";")[0]) == (1, "Error: unknown_definition")


# What does not work out


@pytest.mark.parametrize(
    "arguments",
    [["show", "order", "O-1"], ["show", "nothing", "O-1"], ["send", "order", "O-1", "cancel"]],
    ids=" ".join,
)
def test_a_session_that_is_not_there_is_told(shell: Shell, arguments: list[str]) -> None:
    said = shell.call("sessions", *arguments)

    assert (said.code, said.out) == (1, "")
    assert re.fullmatch(r"Error: unknown_session(; .*)?\n", said.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--limit", "0"],
        ["list", "--limit", "201"],
        ["list", "order"],
        ["show", "order"],
        ["send", "order", "O-1"],
        ["open"],
        ["forget"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_told(shell: Shell, arguments: list[str]) -> None:
    said = shell.call("sessions", *arguments)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Usage: waystate sessions ")


COMMANDS = [
    ["sessions", "list"],
    ["sessions", "show", "inquiry", "w-1"],
    ["sessions", "send", "inquiry", "w-1", "closed"],
    ["diagram", "inquiry", "--session", "w-1"],
]


@pytest.mark.parametrize("token", ["", "another-token-2c"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_token_that_the_server_does_not_know_is_told(shell: Shell, arguments: list[str], token: str) -> None:
    said = shell.call(*arguments, ADMIN_TOKEN=token)

    assert said == Said(1, err="Error: the server does not know the token; set WAYSTATE_ADMIN_TOKEN\n")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_server_that_is_not_there_is_told(shell: Shell, arguments: list[str]) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        said = shell.call(*arguments, PUBLIC_URL=url)

    assert said == Said(
        1,
        err=f"Error: no server answers at {url}/admin/api/v1/ (ConnectError); "
        "start it with `waystate serve`, or set WAYSTATE_PUBLIC_URL\n",
    )


@pytest.mark.parametrize("name", ["http_proxy", "all_proxy"])
def test_a_server_on_this_machine_is_asked_directly(shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert shell.call("sessions", "list").code == 0


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (200, b"Hello", "what answers at {url}/admin/api/v1/sessions?limit=50 is no Waystate"),
        (200, b'{"status":"ok"}', "what answers at {url}/admin/api/v1/sessions?limit=50 is no Waystate"),
        (500, b"Oops", "the server answered 500"),
        (404, b"[]", "the server answered 404"),
    ],
)
def test_what_is_no_server_of_ours_is_told(shell: Shell, status: int, body: bytes, line: str) -> None:
    with answering(status, body) as url:
        said = shell.call("sessions", "list", PUBLIC_URL=url)

    assert said == Said(1, err=f"Error: {line.format(url=url)}\n")


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Answer one call the way some other server would."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.recv(65536)
                caller.sendall(b"HTTP/1.1 %d Well\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


# diagram --session


def test_the_way_of_a_session_is_drawn(shell: Shell) -> None:
    plain = shell.call("diagram", "personalised_offer")
    drawn = shell.call("diagram", "personalised_offer", "--session", KEY)
    dot = shell.call("diagram", "personalised_offer", "--session", KEY, "--format", "dot", "-o", "way.dot")

    assert (drawn.code, drawn.err, dot) == (0, "", Said(0))
    assert drawn.out.startswith("stateDiagram-v2\n")
    assert drawn.out != plain.out
    assert Path("way.dot").read_text().startswith("digraph ")


def test_a_session_and_all_sessions_are_drawn_as_pictures(shell: Shell) -> None:
    way = shell.call("diagram", "personalised_offer", "--session", KEY, "--format", "svg", "-o", "way.svg")
    traffic = shell.call("diagram", "personalised_offer", "--traffic", "--format", "png", "-o", "traffic.png")
    words = shell.call("diagram", "personalised_offer", "--traffic", "--format", "dot")

    assert (way, traffic) == (Said(0), Said(0))
    assert ' current" data-state=' in Path("way.svg").read_text()
    assert Path("traffic.png").read_bytes().startswith(b"\x89PNG")
    assert " here)" in words.out


def test_the_session_of_a_development_server_needs_no_settings(developer: Shell) -> None:
    with developer.serving() as server:
        url = server.wait_until_up()
        said = Shell(developer.folder).call("sessions", "list", PORT=url.rpartition(":")[2])

    assert rows(said) == []
