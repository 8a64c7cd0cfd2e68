import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from definitions.binding import EFFECTS, GUARDS, PROJECTIONS
from definitions.catalogue import MAX_RAISES, SHIPPED, Catalogue, compile_document, compile_path
from definitions.flow_calls import Call
from definitions.flow_messages import SEND_FLOW
from definitions.screens import Screens
from engine.errors import DefinitionError, UnknownInstance
from engine.model import Definition
from engine.ports import Version
from storage.memory import MemoryStore
from tests.builders import NOON, an_event, an_instance
from tests.definitions.documents import (
    END,
    FLOWS,
    LIFECYCLES,
    a_flow,
    a_lifecycle,
    a_screen,
    an_exchange,
    does,
    read,
    source_of,
    the_end,
)

PARCEL = a_lifecycle({"packed": {"on": {"gone": "there"}}, "there": END})


def a_folder(folder: Path, files: Mapping[str, Any]) -> Path:
    """Return a folder of definitions: documents as JSON, code as text."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else source_of(content))
    return folder


def wrong(folder: Path, files: Mapping[str, Any]) -> DefinitionError:
    """Return why a folder of definitions is not loaded."""
    with pytest.raises(DefinitionError) as refused:
        Catalogue.load([a_folder(folder, files)])
    return refused.value


# What ships


def test_what_ships_is_loaded_and_clean() -> None:
    catalogue = Catalogue.load()

    assert {name: document.kind for name, document in catalogue.documents.items()} == {
        "personalised_offer": "flow",
        "purchase_interest": "flow",
        "ndr_resolution": "flow",
        "portal_entry": "lifecycle",
        "repair_visit": "flow",
        "flow_health": "lifecycle",
        **dict.fromkeys(("inquiry", "message", "ndr_case", "order", "shipment", "subscription"), "lifecycle"),
    }
    assert {document.definition.name for document in catalogue.documents.values() if document.definition} == {
        *FLOWS,
        *LIFECYCLES,
    }
    assert catalogue.flows == ("ndr_resolution", "personalised_offer", "purchase_interest", "repair_visit")
    assert [interpreter.definition.name for interpreter in catalogue] == [*catalogue.documents]
    assert [
        (name, problem.pointer) for name, document in catalogue.documents.items() for problem in document.problems
    ] == [("purchase_interest", "/screens/2")], "its terms are left only by going back, as in Meta's own"


def test_every_effect_that_ships_is_asked_for_by_something() -> None:
    asked = {
        effect
        for interpreter in Catalogue.load()
        for arrow in interpreter.definition.transitions
        for effect in arrow.effects
    }

    bound = {name: promise.composer or promise.function for name, promise in EFFECTS.items()}
    ours = "definitions.", "api."  # what delivers some is bound where a server starts
    shipped = {name for name, function in bound.items() if function is None or function.__module__.startswith(ours)}
    assert asked == shipped - {SEND_FLOW}, "which a session's first step asks for"
    assert all(EFFECTS.values())


def test_every_guard_and_projection_that_ships_is_used_by_something() -> None:
    definitions = [interpreter.definition for interpreter in Catalogue.load()]
    arrows = [arrow for definition in definitions for arrow in definition.transitions]
    asked = [arrow.guard for arrow in arrows] + [told.guard for arrow in arrows for told in arrow.raises]

    assert {guard.name for guard in asked if guard} == set(GUARDS)
    assert {definition.projection for definition in definitions} - {""} == set(PROJECTIONS)


# Finding


def test_what_is_not_there_is_unknown() -> None:
    catalogue = Catalogue.load()

    assert "order" in catalogue
    assert "moon" not in catalogue
    with pytest.raises(UnknownInstance):
        catalogue.interpreter("moon")
    with pytest.raises(UnknownInstance):
        catalogue.interpreter("order", "0123456789abcdef")
    with pytest.raises(UnknownInstance):
        catalogue.flow("order")


def test_a_definition_is_found_by_its_version_too() -> None:
    catalogue = Catalogue.load()
    current = catalogue.interpreter("order")
    offer = catalogue.flow("personalised_offer")

    assert catalogue.interpreter("order", current.definition.version) is current
    assert catalogue.flow("personalised_offer", offer.interpreter.definition.version) is offer


# Kinds


def test_what_a_document_is_its_content_says(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, {"flows/survey/flow.json": a_flow(the_end()), "parcel.json": PARCEL, "x.json": "{"})

    survey, parcel, broken = (
        compile_path(folder / name) for name in ("flows/survey/flow.json", "parcel.json", "x.json")
    )

    assert (survey.name, survey.kind, survey.errors) == ("survey", "flow", ())
    assert (parcel.name, parcel.kind, parcel.errors) == ("parcel", "lifecycle", ())
    assert (broken.name, broken.definition) == ("x", None)
    assert [(problem.pointer, problem.code) for problem in broken.errors] == [("", "INVALID_JSON")]
    assert compile_document("survey", source_of(a_flow(the_end()))).definition == survey.definition


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (b'{"id": "parcel", "initial": "a", "states": {"a": {"type": "final"}, "a": {"type": "final"}}}', "/states/a"),
        (source_of(a_flow(the_end())).replace(b'"title"', b'"title": "x", "title"'), "/screens/0/title"),
    ],
)
def test_a_key_that_is_there_twice_is_a_warning(text: bytes, pointer: str) -> None:
    document = compile_document("parcel", text)

    assert document.errors == ()
    assert [(problem.pointer, problem.code) for problem in document.problems] == [(pointer, "DUPLICATE_KEY")]


# Folders of one's own


def test_a_later_folder_replaces_what_is_before_it(tmp_path: Path) -> None:
    inquiry = {**PARCEL, "id": "inquiry"}
    folders = [
        a_folder(tmp_path / "one", {"lifecycles/parcel.json": PARCEL, "lifecycles/inquiry.json": inquiry}),
        a_folder(tmp_path / "two", {"lifecycles/parcel.json": {**PARCEL, "description": "The second."}}),
    ]

    catalogue = Catalogue.load(folders)

    assert catalogue.interpreter("parcel").definition.description == "The second."
    assert catalogue.interpreter("inquiry").definition.initial == "packed"
    assert "order" in catalogue


@pytest.mark.usefixtures("bindings")
def test_a_folder_binds_guards_projections_and_effects_of_its_own(tmp_path: Path) -> None:
    code = """
from definitions.binding import effect, guard, projection

effect("ring", "ring the bell")


@guard
def is_open(instance, event):
    return event.data.get("open", False)


@projection("weather")
def weather(timeline):
    return {"days": len(timeline)}
"""
    door = a_lifecycle(
        {"shut": {"on": {"opened": {"target": "open", "guard": "is_open", "actions": "ring"}}}, "open": END},
        id="door",
        meta={"projection": "weather"},
    )

    runs = Catalogue.load([a_folder(tmp_path, {"lifecycles/door.json": door, "bindings.py": code})]).interpreter("door")

    step = runs.step(an_instance(definition=runs.definition), an_event("opened", data={"open": True}))
    assert (step.after.state, [effect.name for effect in step.effects]) == ("open", ["ring"])
    assert runs.projection is not None
    assert runs.projection([]) == {"days": 0}


def test_flows_of_one_name_in_two_folders_have_each_their_own_code(tmp_path: Path) -> None:
    code = """
from typing import Any
from msgspec import Struct
from definitions.screens import Screens, Session, Success

screens = Screens()


class Inner(Struct):
    {field}: str


class Form(Struct):
    inner: "Inner"


@screens.submit("A")
def submit(session: Session, form: Form) -> Success:
    return Success({{"{field}": form.inner.{field}}})
"""

    def document(field: str) -> dict[str, Any]:
        sent = does("data_exchange", payload={"inner": {field: "x"}})
        return a_flow(a_screen("A", sent, terminal=True), routing_model={"A": []})

    folders = [
        a_folder(
            tmp_path / name,
            {"flows/note/flow.json": document(name), "flows/note/screens.py": code.format(field=name)},
        )
        for name in ("one", "two")
    ]

    first, second = (Catalogue.load([folder]).flow("note").screens.forms["A"] for folder in folders)

    assert msgspec.convert({"inner": {"one": "x"}}, first).inner.one == "x"
    assert msgspec.convert({"inner": {"two": "x"}}, second).inner.two == "x"


# What is wrong


@pytest.mark.parametrize(
    ("document", "place", "code"),
    [
        pytest.param('{\n  "id": "parcel",\n]', "3:1", "INVALID_JSON", id="no JSON"),
        pytest.param(
            '{"id": "parcel", "initial": "a", "states": {"a": {}},\n  "x": 1}',
            "2:3",
            "INVALID_PROPERTY_KEY",
            id="no lifecycle",
        ),
        pytest.param(
            '{"id": "parcel", "initial": "a",\n "states": {"a": {"on": {"x":\n"moon"}}}}',
            "2:13",
            "DEAD_END",
            id="proven wrong",
        ),
        pytest.param(
            json.dumps({**PARCEL, "id": "letter"}, indent=1), "2:2", "INVALID_PROPERTY_VALUE", id="another's name"
        ),
    ],
)
def test_a_lifecycle_that_is_wrong_is_told_with_its_line_and_column(
    tmp_path: Path, document: str, place: str, code: str
) -> None:
    error = wrong(tmp_path, {"lifecycles/parcel.json": document})

    assert error.name == f"{tmp_path / 'lifecycles/parcel.json'}:{place}"
    assert error.problems[0].code == code


def test_a_flow_that_is_wrong_is_told_with_its_line_and_column(tmp_path: Path) -> None:
    error = wrong(tmp_path, {"flows/survey/flow.json": '{"version": "7.3",\n "screens": []}'})

    assert error.name == f"{tmp_path / 'flows/survey/flow.json'}:2:2"
    assert error.problems[0].code == "MIN_ITEMS_REQUIRED"


@pytest.mark.parametrize(
    ("name", "text", "place", "code"),
    [
        (
            "couriers/mine.json",
            '{"extends": "generic",\n "statuses": {"x": {"status": "gone"}}}',
            "2:21",
            "INVALID_COURIER",
        ),
        ("products.json", '{"1":\n {"TEA": {}}}', "2:3", "INVALID_PRODUCTS"),
        ("webhooks.json", "[\n7]", "2:1", "INVALID_WEBHOOKS"),
    ],
)
def test_the_other_files_of_a_folder_are_told_with_line_and_column_too(
    tmp_path: Path, name: str, text: str, place: str, code: str
) -> None:
    error = wrong(tmp_path, {name: text})

    assert error.name == f"{tmp_path / name}:{place}"
    assert error.problems[0].code == code
    assert compile_path(tmp_path / name).errors == error.problems


def test_a_courier_s_word_may_mean_what_a_shipment_of_one_s_own_takes(tmp_path: Path) -> None:
    shipment = json.loads((SHIPPED / "lifecycles/shipment.json").read_bytes())
    on = shipment["states"]["forward"].setdefault("on", {})
    on["forward.in_the_rain"] = {}
    courier = {"extends": "generic", "statuses": {"wet": {"status": "in_the_rain", "leg": "forward"}}}
    folder = a_folder(tmp_path, {"couriers/mine.json": courier})

    refused = [problem.message for problem in compile_path(folder / "couriers/mine.json").errors]
    a_folder(tmp_path, {"lifecycles/shipment.json": shipment})

    assert refused == ["no shipment takes the word in_the_rain on its way forward"]
    assert compile_path(folder / "couriers/mine.json").errors == ()
    assert Catalogue.load([folder]).couriers["mine"].statuses["wet"].status == "in_the_rain"


def test_a_document_that_is_no_file_is_told_by_its_name() -> None:
    with pytest.raises(DefinitionError) as refused:
        Catalogue([compile_document("parcel", b"{")], {})

    assert refused.value.name == "parcel"


ASKING = an_exchange(
    {"A": ["B"], "B": []}, B={"data": {"x": {"type": "string", "__example__": "x"}, "required": ["x"]}}
)
LOGIC = """
from definitions.screens import Screens

screens = Screens()
screens.submit("A")(lambda session, form: "B")
screens.submit("B")(lambda session, form: "B")
"""


@pytest.mark.parametrize(
    ("flow", "code", "problems"),
    [
        pytest.param(
            ASKING,
            None,
            [("/screens/0", "MISSING_LOGIC"), ("/screens/1", "MISSING_LOGIC"), ("/screens/1", "MISSING_LOGIC")],
            id="none",
        ),
        pytest.param(ASKING, LOGIC, [("/screens/1", "MISSING_LOGIC")], id="a screen with data that nobody shows"),
        pytest.param(
            ASKING,
            LOGIC + 'screens.show("B")(lambda session: {})\nscreens.show("MOON")(lambda session: {})\n',
            [("", "UNKNOWN_SCREEN")],
            id="for a screen that is not there",
        ),
        pytest.param(ASKING, "screens = 5\n", [("", "INVALID_LOGIC")], id="that is none"),
        pytest.param(ASKING, "", [("", "INVALID_LOGIC")], id="that is empty"),
    ],
)
def test_logic_must_fit_the_screens(
    tmp_path: Path, flow: Any, code: str | None, problems: list[tuple[str, str]]
) -> None:
    files = {"flows/survey/flow.json": flow, **({} if code is None else {"flows/survey/screens.py": code})}

    error = wrong(tmp_path, files)

    assert error.name == str(tmp_path / "flows/survey/screens.py")
    assert [(problem.pointer, problem.code) for problem in error.problems] == problems


def test_all_that_is_wrong_with_logic_is_in_the_error_with_its_place(tmp_path: Path) -> None:
    error = wrong(
        tmp_path, {"flows/survey/flow.json": ASKING, "flows/survey/screens.py": LOGIC.replace('"B")', '"C")')}
    )

    told = [problem.message for problem in error.problems]
    assert told == [
        "a lambda is bound to C, which is no screen; there are: A, B",
        'B asks the endpoint, but nothing is bound with @screens.submit("B") (flow.json:1:244)',
        'B is shown with data, but nothing is bound with @screens.show("B") (flow.json:1:244)',
    ]
    assert error.__notes__ == told[1:]


async def test_each_flow_has_the_modules_beside_its_own_logic(tmp_path: Path) -> None:
    code = """
from definitions.screens import Screens, Success

from .words import WORD

screens = Screens()
screens.submit("A")(lambda session, form: Success({"word": WORD}))
"""
    files: dict[str, Any] = {}
    for name in ("one", "two", "two/earlier/spring"):
        title = {"title": name}
        files[f"flows/{name}/flow.json"] = an_exchange({"A": []}, A=title)
        files[f"flows/{name}/screens.py"] = code
        files[f"flows/{name}/words.py"] = f"WORD = {name!r}"
    catalogue = Catalogue.load([a_folder(tmp_path, files)])

    for name in ("one", "two"):
        opened = await catalogue.flow(name).answer(Call("c-1", "INIT", "", "token-1", {}, NOON), None)
        ended = await catalogue.flow(name).answer(
            Call("c-2", "data_exchange", "A", "token-1", {}, NOON), opened.instance
        )
        assert ended.data["extension_message_response"]["params"]["word"] == name


def test_a_screen_that_the_phone_shows_by_itself_needs_no_logic(tmp_path: Path) -> None:
    document = a_flow(
        a_screen("A", does("navigate", "B", payload={"x": "y"})),
        the_end("B", data={"x": {"type": "string", "__example__": "x"}}),
    )

    assert Catalogue.load([a_folder(tmp_path, {"flows/survey/flow.json": document})]).flow("survey")


# Who tells whom


def telling(name: str, *others: str) -> dict[str, Any]:
    """Return a lifecycle that tells others when something happens to it."""
    raises = [{"definition": other, "event": "gone"} for other in others]
    return a_lifecycle({"a": {"on": {"gone": "b"}}, "b": {**END, "meta": {"raise": raises}}}, id=name)


@pytest.mark.parametrize(
    ("chain", "fault"),
    [
        pytest.param({"x": ["moon"]}, "x tells moon, which does not exist", id="nobody"),
        pytest.param({"x": ["x"]}, "definitions tell each other in a circle: x -> x", id="itself"),
        pytest.param({"x": ["y"], "y": ["x"]}, "definitions tell each other in a circle: x -> y -> x", id="a circle"),
        pytest.param(
            {"v": ["w"], "w": ["x"], "x": ["y"], "y": ["z"], "z": []},
            "more than 4 definitions tell one another: v -> w -> x -> y -> z",
            id="too far",
        ),
    ],
)
def test_what_is_told_is_heard_and_the_telling_ends(chain: dict[str, list[str]], fault: str) -> None:
    documents = [compile_document(name, source_of(telling(name, *others))) for name, others in chain.items()]

    with pytest.raises(DefinitionError) as refused:
        Catalogue(documents, {})

    assert [(problem.pointer, problem.message) for problem in refused.value.problems] == [("/meta/raise", fault)]


def test_definitions_may_tell_each_other_so_far() -> None:
    names = "wxyz"
    assert len(names) == MAX_RAISES
    chain = [telling(name, *names[index + 1 : index + 2]) for index, name in enumerate(names)]

    assert len([*Catalogue([compile_document(each["id"], source_of(each)) for each in chain], {})]) == MAX_RAISES


# Versions


async def test_an_instance_finishes_on_the_version_it_began_with(tmp_path: Path) -> None:
    store = MemoryStore()
    old = Catalogue.load([a_folder(tmp_path, {"lifecycles/parcel.json": PARCEL})])
    await old.keep_versions(store)
    version = old.interpreter("parcel").definition.version

    changed = a_lifecycle({"packed": {"on": {"sent": "there"}}, "there": END})
    new = Catalogue.load([a_folder(tmp_path, {"lifecycles/parcel.json": changed})])
    with pytest.raises(UnknownInstance):
        new.interpreter("parcel", version)
    await new.keep_versions(store)

    assert new.interpreter("parcel", version).definition == old.interpreter("parcel").definition
    assert [arrow.event for arrow in new.interpreter("parcel").definition.transitions] == ["sent"]


async def test_a_session_of_an_older_flow_is_answered_by_it(tmp_path: Path) -> None:
    store = MemoryStore()
    logic = (
        'from definitions.screens import Screens\nscreens = Screens()\nscreens.submit("A")(lambda session, form: "A")\n'
    )
    files = {"flows/note/flow.json": an_exchange({"A": []}), "flows/note/screens.py": logic}
    old = Catalogue.load([a_folder(tmp_path, files)])
    await old.keep_versions(store)
    opened = await old.flow("note").answer(Call("c-1", "INIT", "", "token-1", {}, NOON), None)
    assert opened.instance is not None

    new = Catalogue.load([a_folder(tmp_path, {"flows/note/flow.json": an_exchange({"A": []}, A={"title": "New"})})])
    await new.keep_versions(store)
    flow = new.flow("note", opened.instance.version)

    assert flow.document == old.flow("note").document
    assert flow is not new.flow("note")
    assert (await flow.answer(Call("c-2", "data_exchange", "A", "token-1", {}, NOON), opened.instance)).code == "ok"


def noting(word: str) -> str:
    """Return logic that ends a Flow of one screen with a word of its own."""
    return f"""
from definitions.screens import Screens, Success

screens = Screens()
screens.submit("A")(lambda session, form: Success({{"by": "{word}"}}))
"""


async def test_a_version_that_stands_beside_the_current_one_keeps_its_logic(tmp_path: Path) -> None:
    then, now = an_exchange({"A": []}), an_exchange({"A": []}, A={"title": "New"})
    store = MemoryStore()
    old = Catalogue.load(
        [a_folder(tmp_path / "then", {"flows/note/flow.json": then, "flows/note/screens.py": noting("then")})]
    )
    await old.keep_versions(store)
    opened = await old.flow("note").answer(Call("c-1", "INIT", "", "token-1", {}, NOON), None)
    assert opened.instance is not None
    files = {
        "flows/note/flow.json": now,
        "flows/note/screens.py": noting("now"),
        "flows/note/earlier/spring/flow.json": json.dumps(then, indent=4),
        "flows/note/earlier/spring/screens.py": noting("then"),
    }

    new = Catalogue.load([a_folder(tmp_path / "now", files)])
    await new.keep_versions(store)

    ends = Call("c-2", "data_exchange", "A", "token-1", {}, NOON)
    finished = await new.flow("note", opened.instance.version).answer(ends, opened.instance)
    assert finished.data == {"extension_message_response": {"params": {"by": "then", "flow_token": "token-1"}}}
    begun = await new.flow("note").answer(Call("c-3", "INIT", "", "token-2", {}, NOON), None)
    finished = await new.flow("note").answer(replace(ends, token="token-2"), begun.instance)  # noqa: S106 - a token
    assert finished.data == {"extension_message_response": {"params": {"by": "now", "flow_token": "token-2"}}}
    assert new.flows == (*Catalogue.load().flows, "note")


def test_an_earlier_version_that_is_wrong_is_told_by_its_place(tmp_path: Path) -> None:
    files = {
        "flows/note/flow.json": an_exchange({"A": []}),
        "flows/note/screens.py": noting("now"),
        "flows/note/earlier/spring/flow.json": '{"version": "7.3",\n "screens": []}',
    }

    assert wrong(tmp_path, files).name == f"{tmp_path / 'flows/note/earlier/spring/flow.json'}:2:2"


async def test_keeping_the_versions_twice_keeps_them_once() -> None:
    store = MemoryStore()
    for _ in range(2):
        await Catalogue.load().keep_versions(store)

    kept = await store.versions()

    assert len(kept) == len([*Catalogue.load()])
    for version in kept:
        assert isinstance(version, Version)
        assert msgspec.json.decode(version.compiled, type=Definition).version == version.version
        assert version.source == (FLOWS | LIFECYCLES)[version.name].read_bytes()


async def test_a_lifecycle_that_was_a_flow_before_is_still_kept(tmp_path: Path) -> None:
    store = MemoryStore()
    old = Catalogue.load([a_folder(tmp_path / "old", {"flows/note/flow.json": a_flow(the_end())})])
    await old.keep_versions(store)
    version = old.interpreter("note").definition.version

    new = Catalogue.load([a_folder(tmp_path / "new", {"lifecycles/note.json": {**PARCEL, "id": "note"}})])
    await new.keep_versions(store)

    assert new.interpreter("note", version).definition.initial == "not_opened"
    with pytest.raises(UnknownInstance):
        new.flow("note", version)


def test_the_shipped_folder_is_this_one() -> None:
    assert SHIPPED.name == "definitions"
    assert read(SHIPPED / "lifecycles/order.json")["id"] == "order"
    assert isinstance(Catalogue.load().flow("purchase_interest").screens, Screens)


# Couriers


def test_a_folder_s_couriers_are_the_catalogue_s(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, {"couriers/eshopbox.json": {"extends": "eshopbox", "attempts": 5}})

    assert Catalogue.load().couriers["eshopbox"].attempts == 3
    assert Catalogue.load([folder]).couriers["eshopbox"].attempts == 5


def test_a_courier_that_is_wrong_stops_the_loading(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, {"couriers/bluebird.json": {"as_of": "2026-11-21"}})

    with pytest.raises(DefinitionError, match=r"bluebird\.json"):
        Catalogue.load([folder])
