"""`waystate new flow`: what it writes, what it refuses, and that what it wrote runs."""

import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from definitions.catalogue import SHIPPED, Catalogue
from definitions.flow_json.examples import exchange, flow, footer, go_to, last, screen, text_input
from definitions.stubs import SMALL_FLOW
from tests.cli.shell import Said, Shell

TEST = "tests/test_{}.py"
FILES = ("flows/booking/flow.json", "flows/booking/screens.py", TEST.format("booking"))
OFFER = SHIPPED / "flows/personalised_offer/flow.json"
LIFECYCLE = SHIPPED / "lifecycles/inquiry.json"


def wrote(*files: str, then: str) -> Said:
    """Return what the command says that wrote *files*."""
    return Said(0, "".join(f"wrote {name}\n" for name in files) + f"next: {then}\n")


def here(folder: Path) -> list[str]:
    """Return all files in *folder*."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def exported(folder: Path, document: object) -> Path:
    """Return the file of a Flow that came from elsewhere."""
    path = folder / "exported.json"
    path.write_text(json.dumps(document))
    return path


def test_a_flow_begins_with_two_screens_their_logic_and_a_test(developer: Shell) -> None:
    said = developer.call("new", "flow", "booking")

    assert said == wrote(*FILES, then=f"pytest {FILES[-1]}; WAYSTATE_DEFINITIONS=. waystate serve")
    assert here(developer.folder) == sorted(FILES)
    assert json.loads((developer.folder / FILES[0]).read_bytes()) == SMALL_FLOW
    assert developer.call("check", "--strict", ".") == Said(0, "1 checked: 0 errors, 0 warnings\n")
    assert Catalogue.load([developer.folder]).flow("booking").screens.submits.keys() == {"CHOICE", "DETAILS"}


def test_the_test_that_is_written_passes(developer: Shell) -> None:
    developer.call("new", "flow", "booking")

    ended = subprocess.run(  # noqa: S603 - our own test
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", FILES[-1]],
        cwd=developer.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout.splitlines()[-1].split(" in ")[0]) == (0, "1 passed")


def test_what_was_written_is_served(developer: Shell) -> None:
    developer.call("new", "flow", "booking", "--into", "mine")

    with developer.serving(DEFINITIONS="mine") as server:
        url = server.wait_until_up()
        status = httpx2.get(f"{url}/health/live").status_code

    assert status == 200


def test_a_document_is_copied_as_it_is(developer: Shell) -> None:
    said = developer.call("new", "flow", "offer", "--from", str(OFFER), "--into", "mine/flows_of_ours")

    assert said.code == 0
    assert (developer.folder / "mine/flows_of_ours/flows/offer/flow.json").read_bytes() == OFFER.read_bytes()
    assert Catalogue.load([developer.folder / "mine/flows_of_ours"]).flow("offer").screens.forms["OFFER"].__name__ == (
        "OfferForm"
    )


def test_a_flow_without_an_endpoint_gets_no_logic(developer: Shell) -> None:
    path = exported(developer.folder, flow(screen("ASK", text_input(), go_to("LAST")), last()))

    said = developer.call("new", "flow", "survey", "--from", str(path))

    files = ("flows/survey/flow.json", TEST.format("survey"))
    assert said == wrote(*files, then=f"pytest {files[-1]}; WAYSTATE_DEFINITIONS=. waystate serve")
    assert here(developer.folder) == sorted(["exported.json", *files])


def test_it_goes_where_definitions_are(developer: Shell) -> None:
    said = developer.call("new", "flow", "booking", DEFINITIONS="mine:others")

    assert said == wrote(*(f"mine/{name}" for name in FILES), then=f"pytest mine/{FILES[-1]}; waystate serve")


def test_two_flows_stand_beside_each_other(developer: Shell) -> None:
    developer.call("new", "flow", "booking")

    assert developer.call("new", "flow", "survey").code == 0
    assert {"booking", "survey"} < {*Catalogue.load([developer.folder]).flows}


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_written_over(developer: Shell, name: str) -> None:
    path = developer.folder / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")

    said = developer.call("new", "flow", "booking")

    assert said == Said(2, err=f"waystate: {name} is there already, and is left as it is\n")
    assert here(developer.folder) == [name]
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["Booking", "2nd", "my-flow", "my flow", "", "../booking", "_booking", "flüge"])
def test_a_name_is_one_that_a_path_and_python_take(developer: Shell, name: str) -> None:
    said = developer.call("new", "flow", name)

    rule = "small letters, digits and underscores, and a letter first"
    assert said == Said(2, err=f"waystate: {name!r} is no name for a Flow: {rule}\n")
    assert here(developer.folder) == []


@pytest.mark.parametrize("name", ["order", "personalised_offer"])
def test_a_name_of_what_ships_is_refused(developer: Shell, name: str) -> None:
    said = developer.call("new", "flow", name)

    assert said == Said(2, err=f"waystate: {name} is the name of a definition that ships; choose another\n")


def test_a_document_with_errors_is_refused_as_check_says(developer: Shell) -> None:
    path = exported(developer.folder, flow(screen("ASK", text_input(), footer(exchange()))))

    said = developer.call("new", "flow", "survey", "--from", str(path))

    assert said.code == 1
    assert said == developer.call("check", str(path))
    assert here(developer.folder) == ["exported.json"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere.json", "cannot read nowhere.json: No such file or directory"),
        (".", "cannot read .: Is a directory"),
        (str(LIFECYCLE), f"{LIFECYCLE} is no Flow"),
    ],
)
def test_what_is_no_document_is_refused(developer: Shell, source: str, says: str) -> None:
    assert developer.call("new", "flow", "survey", "--from", source) == Said(2, err=f"waystate: {says}\n")


def test_a_folder_that_cannot_be_written_is_refused(developer: Shell) -> None:
    (developer.folder / "mine").write_text("a file")

    said = developer.call("new", "flow", "booking", "--into", "mine")

    assert said == Said(2, err="waystate: cannot write mine/flows/booking: Not a directory\n")
