"""`waystate check`, `compile` and `diagram`: what they print, in which form, and what their exit codes say."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from definitions.catalogue import SHIPPED, compile_path
from definitions.flow_json.examples import flow, last, text
from diagrams import PicturesUnavailable
from tests.cli.shell import Said, Shell

LIFECYCLES = ["inquiry", "message", "ndr_case", "order", "shipment", "subscription"]
NAMES = [*LIFECYCLES, "personalised_offer", "purchase_interest"]

PARCEL = """\
{
  "id": "parcel",
  "initial": "packed",
  "states": {
    "packed": {"on": {"picked_up": "moving"}},
    "moving": {
      "on": {"lost": {"target": "packed", "actions": "alert_inquiry"}, "arrived": "there"},
      "tags": ["shipped"]
    },
    "there": {"type": "final"}
  }
}
"""

BROKEN = PARCEL.replace('"arrived": "there"', '"arrived": "nowhere"')
WARNED = (SHIPPED / "flows/purchase_interest/flow.json").read_text()
"""A Flow with a warning, and no error."""


@pytest.fixture
def parcel(home: Path) -> Path:
    return written(home / "lifecycles/parcel.json", PARCEL)


@pytest.fixture
def broken(home: Path) -> Path:
    return written(home / "lifecycles/broken.json", BROKEN)


@pytest.fixture
def warned(home: Path) -> Path:
    return written(home / "flows/warned/flow.json", WARNED)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path.relative_to(Path.cwd())


def checked(shell: Shell, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code and the findings of a check."""
    said = shell.call("check", "--format", "json", *arguments)
    assert said.err == ""
    return said.code, json.loads(said.out)


# check


def test_what_is_right_has_no_finding(developer: Shell, parcel: Path) -> None:
    assert checked(developer, str(parcel)) == (0, [])
    assert developer.call("check", str(parcel)) == Said(0, "1 checked: 0 errors, 0 warnings\n")


def test_all_that_ships_is_right(developer: Shell) -> None:
    code, findings = checked(developer, str(SHIPPED))

    assert (code, {finding["severity"] for finding in findings}) == (0, {"warning"})


def test_a_finding_says_where_it_is(developer: Shell, broken: Path) -> None:
    code, findings = checked(developer, str(broken))

    messages = [finding.pop("message") for finding in findings]
    assert code == 1
    assert findings[0] == {
        "file": str(broken),
        "severity": "error",
        "code": "UNKNOWN_STATE",
        "pointer": "/states/moving/on/arrived",
        "line": 7,
        "column": 1 + BROKEN.splitlines()[6].index('"arrived"'),
    }
    assert all("\n" not in message for message in messages)


def told(findings: list[dict[str, Any]]) -> list[str]:
    """Return findings as people read them: what is wrong, the line where it is, and a caret under the place."""
    lines: list[str] = []
    for finding in findings:
        (rule,) = {
            problem.rule
            for problem in compile_path(Path(finding["file"])).problems
            if (problem.pointer, problem.message) == (finding["pointer"], finding["message"])
        }
        source = Path(finding["file"]).read_text().splitlines()[finding["line"] - 1]
        lines += [
            "{file}:{line}:{column}: {severity}: {message} [{code}{rule}]".format(
                **finding, rule=f", rule {rule}" if rule else ""
            ),
            f"{finding['line']:>6} | {source}",
            " " * (len("     7 | ") + finding["column"] - 1) + "^",
        ]
    return lines


def test_as_text_it_is_a_line_that_editors_can_follow(developer: Shell, broken: Path, warned: Path) -> None:
    _, findings = checked(developer, str(broken), str(warned))

    said = developer.call("check", str(broken), str(warned))

    lines = told(findings)
    errors = sum(finding["severity"] == "error" for finding in findings)
    summary = f"2 checked: {errors} errors, {len(findings) - errors} warnings"
    assert said == Said(1, "\n".join([*lines, summary, ""]))


def test_of_a_long_line_only_what_stands_around_the_place_is_shown(developer: Shell, tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(flow(last(text("a" * 90), {**text("b" * 300), "colour": "red"}))))
    ((finding,), source) = checked(developer, str(path))[1], path.read_text()

    said = developer.call("check", str(path)).out.splitlines()

    before = finding["column"] - 1 - 50
    assert said[1] == f"     1 | …{source[before : before + 100]}…"
    assert said[2].index("^") == said[1].index('"colour"')


def test_warnings_fail_only_where_that_is_asked_for(developer: Shell, warned: Path) -> None:
    code, findings = checked(developer, str(warned))

    assert (code, {finding["severity"] for finding in findings}) == (0, {"warning"})
    assert checked(developer, "--strict", str(warned)) == (1, findings)


@pytest.mark.parametrize("place", [".", "lifecycles", "flows"])
def test_a_folder_means_the_documents_in_it(developer: Shell, parcel: Path, warned: Path, place: str) -> None:
    written(developer.folder / "flows/warned/notes.json", "no definition")
    within = [str(path) for path in (parcel, warned) if path.is_relative_to(place)]

    assert developer.call("check", place) == developer.call("check", *within)


def test_a_file_named_twice_is_checked_once(developer: Shell, parcel: Path) -> None:
    assert developer.call("check", str(parcel), str(parcel.parent)) == Said(0, "1 checked: 0 errors, 0 warnings\n")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param(b"", 1, 1, id="nothing"),
        pytest.param(b'{\n  "id": ]', 2, 9, id="no JSON"),
        pytest.param(b'{"id": "\xff"}', 1, 1, id="no UTF-8"),
    ],
)
def test_what_is_no_json_is_told_like_everything_else(developer: Shell, text: bytes, line: int, column: int) -> None:
    Path("odd.json").write_bytes(text)

    code, (finding,) = checked(developer, "odd.json")

    assert (code, finding["code"], finding["pointer"]) == (1, "INVALID_JSON", "")
    assert (finding["line"], finding["column"]) == (line, column)


# A folder of definitions of one's own

OWN_CODE = """\
import definitions.binding as b
from definitions.binding import effect as declares, guard
from definitions.messages.compose import message
from .gifts import wrapped

PICKED = "picked_up_in_rain"
raise SystemExit("a check runs no code")


@declares("weigh", "weigh the parcel again", done="a")
def weigh(wish): ...


@guard
def is_heavy(instance, event) -> bool: ...


@b.projection(PICKED)
def picked(timeline): ...


def effect(name): ...


effect("not_declared")
declares("notify_gift_wrapped", "tell the customer that the gift is wrapped")(message)
"""

OWN = {
    "id": "parcel",
    "initial": "packed",
    "meta": {"projection": "picked_up_in_rain"},
    "states": {
        "packed": {
            "on": {
                "a": {"target": "there", "guard": "is_heavy", "actions": ["weigh", "notify_gift_wrapped", "wrap"]},
            }
        },
        "there": {"type": "final"},
    },
}
GIFTS = 'from definitions import binding\n\nwrapped = binding.effect(name="wrap", meaning="wrap it")\n'
SAID = {"templates": [{"name": "gift", "language": "en"}]}


def test_what_a_folder_s_own_code_declares_is_known_and_nothing_of_it_runs(developer: Shell) -> None:
    written(developer.folder / "my/bindings.py", OWN_CODE)
    written(developer.folder / "my/gifts.py", GIFTS)
    written(developer.folder / "my/lifecycles/parcel.json", json.dumps(OWN))
    written(developer.folder / "my/messages.json", json.dumps({"events": {"notify_gift_wrapped": SAID}}))

    assert developer.call("check", "my") == Said(0, "2 checked: 0 errors, 0 warnings\n")
    assert checked(developer, "my/lifecycles/parcel.json") == (0, [])


def test_what_no_code_declares_is_told(developer: Shell) -> None:
    unknown = json.dumps(OWN).replace('"wrap"', '"not_declared"')
    written(developer.folder / "my/bindings.py", "from definitions.binding import effect\neffect(")
    written(developer.folder / "my/lifecycles/parcel.json", unknown)

    broken = checked(developer, "my")
    written(developer.folder / "my/bindings.py", OWN_CODE)
    own = checked(developer, "my")

    assert broken[0] == own[0] == 1
    assert sorted(finding["code"] for finding in broken[1]) == [
        *["UNKNOWN_EFFECT"] * 3,
        "UNKNOWN_GUARD",
        "UNKNOWN_PROJECTION",
    ]
    assert [finding["message"] for finding in own[1]] == ["no effect not_declared is declared"]


def test_what_an_effect_would_tell_to_nobody_is_a_warning(developer: Shell) -> None:
    code = (
        'from definitions.binding import effect\nWEIGHED = "weighed"\neffect("weigh", "weigh", done=WEIGHED, dead="a")'
    )
    document = (
        json.dumps({**OWN, "meta": {}}).replace('"is_heavy"', "null").replace(', "notify_gift_wrapped", "wrap"', "")
    )
    written(developer.folder / "my/bindings.py", code)
    written(developer.folder / "my/lifecycles/parcel.json", document)

    exit_code, (finding,) = checked(developer, "my")

    assert (exit_code, finding["severity"], finding["code"]) == (0, "warning", "UNHEARD_OUTCOME")
    assert (finding["pointer"], finding["message"].split()[:3]) == (
        "/states/packed/on/a",
        ["weigh", "tells", "weighed"],
    )


COURIER = {"extends": "generic", "statuses": {"ofd": {"status": "out_for_deliver"}, "dlv": {"status": "delivered"}}}


@pytest.mark.parametrize(
    ("name", "text", "code", "pointer", "place"),
    [
        ("couriers/mine.json", COURIER, "INVALID_COURIER", "/statuses/ofd/status", '"status": "out_for_deliver"'),
        ("couriers/mine.json", {"extends": "nobody"}, "INVALID_COURIER", "/extends", '"extends"'),
        ("couriers/mine.json", {"extends": "generic", "url": "https://x.example{"}, "INVALID_COURIER", "/url", '"url"'),
        ("couriers/mine.json", [], "INVALID_COURIER", "", "[]"),
        ("products.json", {"1": {"TEA": {"name": "Tea", "price": -1, "currency": "INR"}}}, "INVALID_PRODUCTS",
         "/1/TEA/price", '"price"'),
        ("webhooks.json", [{"name": "erp", "url": "https://x.example", "event": ["*"]}], "INVALID_WEBHOOKS",
         "/0/event", '"event"'),
    ],
)  # fmt: skip
def test_the_other_files_of_a_folder_are_checked_too(
    developer: Shell, name: str, text: Any, code: str, pointer: str, place: str
) -> None:
    source = json.dumps(text)
    path = written(developer.folder / "my" / name, source)

    found = checked(developer, "my")

    assert found == checked(developer, str(path))
    ((finding,), finding_code) = found[1], found[0]
    assert (finding_code, finding["file"], finding["code"], finding["pointer"]) == (1, str(path), code, pointer)
    assert (finding["line"], finding["column"]) == (1, 1 + source.index(place))


def test_files_of_a_folder_that_are_right_have_no_finding(developer: Shell) -> None:
    right = {
        "couriers/mine.json": {"extends": "near", "aliases": ["Mine"]},
        "couriers/near.json": {"extends": "generic", "statuses": {"back": {"status": "delivered", "leg": "rto"}}},
        "products.json": {"1": {"TEA": {"name": "Tea", "price": 30100, "currency": "INR"}}},
        "webhooks.json": [{"name": "erp", "url": "https://x.example"}],
    }
    for name, content in right.items():
        written(developer.folder / "my" / name, json.dumps(content))

    assert developer.call("check", "my") == Said(0, "4 checked: 0 errors, 0 warnings\n")


def test_a_key_that_is_twice_in_such_a_file_is_a_warning(developer: Shell) -> None:
    written(developer.folder / "products.json", '{"1": {}, "1": {}}')

    code, (finding,) = checked(developer, "products.json")

    assert (code, finding["code"], finding["severity"], finding["column"]) == (0, "DUPLICATE_KEY", "warning", 11)


# Bad usage, and what cannot be read


@pytest.mark.parametrize("command", ["check", "compile", "diagram"])
def test_what_is_not_there_cannot_be_read(developer: Shell, command: str) -> None:
    said = developer.call(command, "nowhere.json")

    assert said == Said(2, err="waystate: cannot read nowhere.json: No such file or directory\n")


@pytest.mark.parametrize("command", ["compile", "diagram"])
def test_a_folder_is_no_document(developer: Shell, command: str) -> None:
    said = developer.call(command, ".")

    assert said == Said(2, err="waystate: cannot read .: Is a directory\n")


def test_a_folder_without_documents_is_nothing_to_check(developer: Shell) -> None:
    assert developer.call("check", ".") == Said(2, err="waystate: there is nothing to check in .\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["check", "--format", "xml", "parcel.json"],
        ["compile"],
        ["compile", "one.json", "two.json"],
        ["compile", "--format", "mermaid", "parcel.json"],
        ["diagram"],
        ["diagram", "--format", "gif", "inquiry"],
        ["diagram", "--loud", "inquiry"],
        ["draw", "inquiry"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_told(developer: Shell, arguments: list[str]) -> None:
    said = developer.call(*arguments)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Usage: waystate ")


@pytest.mark.parametrize("command", ["compile", "diagram"])
def test_what_is_wrong_is_told_instead_of_compiled(developer: Shell, broken: Path, command: str) -> None:
    _, findings = checked(developer, str(broken))

    said = developer.call(command, str(broken))

    assert said == Said(1, err="".join(f"{line}\n" for line in told(findings)))


# compile


def test_a_compiled_definition_is_its_table(developer: Shell, parcel: Path) -> None:
    said = developer.call("compile", str(parcel))

    compiled = json.loads(said.out)
    version = compiled.pop("version")
    assert (said.code, said.err) == (0, "")
    assert len(version) == 16
    assert compiled == {
        "name": "parcel",
        "initial": "packed",
        "states": [
            {"id": "packed", "final": False, "tags": []},
            {"id": "moving", "final": False, "tags": ["shipped"]},
            {"id": "there", "final": True, "tags": []},
        ],
        "transitions": [
            {"source": "packed", "event": "picked_up", "target": "moving", "guard": None, "effects": []},
            {"source": "moving", "event": "lost", "target": "packed", "guard": None, "effects": ["alert_inquiry"]},
            {"source": "moving", "event": "arrived", "target": "there", "guard": None, "effects": []},
        ],
    }


@pytest.mark.parametrize("name", NAMES)
def test_what_ships_compiles_to_what_compiles_again(developer: Shell, name: str) -> None:
    (path,) = {*SHIPPED.glob(f"lifecycles/{name}.json"), *SHIPPED.glob(f"flows/{name}/flow.json")}
    table = json.loads(developer.call("compile", str(path)).out)

    said = developer.call("compile", "--format", "xstate", str(path))

    document = json.loads(said.out)
    assert (said.code, document["id"], document["initial"]) == (0, name, table["initial"])
    states = {state["id"] for state in table["states"]}
    assert {arrow["source"] for arrow in table["transitions"]} | {table["initial"]} <= states


# diagram


@pytest.mark.parametrize(("options", "beginning"), [([], "stateDiagram-v2\n"), (["--format", "dot"], "digraph ")])
def test_a_definition_is_drawn_by_its_name_or_its_file(
    developer: Shell, parcel: Path, options: list[str], beginning: str
) -> None:
    said = [developer.call("diagram", *options, name) for name in [*NAMES, str(parcel)]]

    assert [(one.code, one.err, one.out.startswith(beginning)) for one in said] == [(0, "", True)] * len(said)
    shutil.copy(SHIPPED / "lifecycles/inquiry.json", "mine.json")
    assert developer.call("diagram", *options, "mine.json") == developer.call("diagram", *options, "inquiry")


def test_a_drawing_can_be_written_to_a_file(developer: Shell) -> None:
    assert developer.call("diagram", "inquiry", "-o", "inquiry.mmd") == Said(0)

    assert Path("inquiry.mmd").read_text() == developer.call("diagram", "inquiry").out


def test_a_file_that_cannot_be_written_is_told(developer: Shell) -> None:
    said = developer.call("diagram", "inquiry", "-o", f"nowhere{os.sep}inquiry.mmd")

    assert said == Said(2, err="waystate: cannot write nowhere/inquiry.mmd: No such file or directory\n")


def test_a_picture_is_written_to_a_file_or_sent_on(developer: Shell) -> None:
    for form, beginning in (("svg", b"<svg "), ("png", b"\x89PNG")):
        assert developer.call("diagram", "inquiry", "--format", form, "-o", f"inquiry.{form}") == Said(0)
        assert Path(f"inquiry.{form}").read_bytes().startswith(beginning)
    assert developer.call("diagram", "inquiry", "--format", "svg").out == Path("inquiry.svg").read_text()


def test_a_png_is_not_written_to_a_terminal(developer: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.cli.definitions.at_a_terminal", lambda: True)
    said = developer.call("diagram", "inquiry", "--format", "png")

    assert (said.code, said.out) == (2, "")
    assert "a PNG is nothing for a terminal; add `-o FILE`, or send it on with a pipe" in said.err


def test_a_session_and_the_traffic_are_two_pictures(developer: Shell) -> None:
    said = developer.call("diagram", "inquiry", "--session", "w-1", "--traffic")

    assert said.code == 2
    assert "a session's way and all sessions' traffic do not fit in one picture" in said.err


def test_without_the_libraries_it_is_said_what_to_install(developer: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_here(*_: object) -> None:
        raise PicturesUnavailable

    monkeypatch.setattr("diagrams.graphviz.Engine.lay_out", none_here)

    for form in ("svg", "png"):
        assert developer.call("diagram", "inquiry", "--format", form, "-o", "inquiry") == Said(
            2, err="waystate: pictures need libraries that are not installed: pip install 'waystate[pictures]'\n"
        )
    assert not Path("inquiry").exists()
