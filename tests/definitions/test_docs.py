"""What docs/definitions.md says, tried out."""

import json
import re
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from definitions import flow_compiler
from definitions.binding import EFFECTS, effect
from definitions.catalogue import SHIPPED, Catalogue
from definitions.flow_calls import Call
from definitions.lifecycle import (
    LifecycleDocument,
    LifecycleMeta,
    RaiseDocument,
    StateDocument,
    StateMeta,
    TransitionMeta,
)
from definitions.outgoing import HttpCall, Later, MessageCall, Nothing, WebhookCall, Wish
from engine.errors import GuardRefused
from engine.model import Guard, Instance, Raise
from tests.builders import HOUR, NOON, an_event, an_instance, refusal
from tests.definitions.documents import END, a_flow, a_lifecycle, a_screen, does, source_of
from tests.definitions.wishing import PHONE, a_wish, an_instance_of, heard

TEXT = (SHIPPED.parent / "docs" / "definitions.md").read_text()
LOGIC, BINDINGS, DELIVERING = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)

SLOTS = {
    "type": "array",
    "items": {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}},
    "__example__": [],
}


@pytest.fixture
def folder(tmp_path: Path, bindings: None) -> Path:  # noqa: ARG001 - what the page binds is forgotten
    """Return a folder of definitions as the page describes it, with the code that stands there."""
    slots = {"type": "Dropdown", "name": "slot", "label": "When", "required": True, "data-source": "${data.slots}"}
    asked = does("data_exchange", payload={"slot": "${form.slot}"})
    screen = a_screen("CHOOSE_SLOT", slots, asked, data={"slots": SLOTS}, terminal=True)
    flow = a_flow(screen, routing_model={"CHOOSE_SLOT": []})
    parcel = a_lifecycle(
        {
            "placed": {"on": {"packed": {"target": "packed", "guard": "is_prepaid"}, "paid": {}}},
            "packed": {**END, "entry": "send_invoice"},
        }
    )
    files = {
        "flows/visit/flow.json": source_of(flow),
        "flows/visit/screens.py": LOGIC.encode(),
        "lifecycles/parcel.json": source_of(parcel),
        "bindings.py": f"{BINDINGS}\n{DELIVERING}".encode(),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
        assert name.replace("visit", "NAME").replace("parcel", "NAME") in TEXT
    return tmp_path


async def test_the_logic_on_the_page_runs(folder: Path) -> None:
    visit = Catalogue.load([folder]).flow("visit")

    def asks(slot: str) -> Call:
        return Call(slot, "data_exchange", "CHOOSE_SLOT", "token-1", {"slot": slot}, NOON)

    opened = await visit.answer(Call("c-1", "INIT", "", "token-1", {}, NOON), None)
    refused = await visit.answer(asks("tue-15"), opened.instance)
    done = await visit.answer(asks("mon-10"), opened.instance)

    assert [slot["id"] for slot in opened.data["slots"]] == ["mon-10", "tue-15"]
    assert (refused.screen, refused.data["error_message"]) == (
        "CHOOSE_SLOT",
        "Tuesday is taken. Please choose another time.",
    )
    assert done.data["extension_message_response"]["params"] == {"slot": "mon-10", "flow_token": "token-1"}


def test_the_bindings_on_the_page_run(folder: Path) -> None:
    parcel = Catalogue.load([folder]).interpreter("parcel")

    def placed(**context: Any) -> Instance:
        return an_instance(definition=parcel.definition, context=context)

    step = parcel.step(placed(paid=True), an_event("packed"))
    assert (step.after.state, [effect.name for effect in step.effects]) == ("packed", ["send_invoice"])
    assert isinstance(refusal(parcel, placed(), an_event("packed")), GuardRefused)


def composed(name: str, context: dict[str, Any], data: dict[str, Any] | None = None, **known: Any) -> Any:
    """Return what an effect on the page is composed to."""
    composer = EFFECTS[name].composer
    assert composer is not None
    return composer(a_wish(name, an_instance_of("parcel", "placed", context), data, **known))


async def test_the_effects_on_the_page_are_delivered(folder: Path) -> None:
    Catalogue.load([folder])
    greeted, label = EFFECTS["greet"], EFFECTS["print_label"]
    wish = a_wish("print_label", an_instance_of("parcel", "placed", {}))

    message = composed("greet", {"phone": PHONE}, recipient=heard(NOON))
    assert isinstance(message, MessageCall)
    assert (message.body["to"], message.body["text"]["body"]) == (PHONE, "We have your device.")
    assert isinstance(composed("greet", {"phone": PHONE}), Nothing)
    assert greeted.in_doubt == "resend"
    assert composed("book_pickup", {"ready_at": NOON + HOUR}) == Later(NOON + HOUR, "not_packed")
    assert composed("book_pickup", {"ready_at": NOON}) == HttpCall(
        "depot/K-1",
        "https://depot.example/pickups",
        {"parcel": "K-1"},
        courier="depot",
        token_header="Authorization",  # noqa: S106 - its name
        key_header="Idempotency-Key",
    )
    assert composed("tell_stock", {}) == Nothing("nothing_used", status="done")
    assert composed("tell_stock", {}, {"used": ["tape"]}) == WebhookCall(
        "stock", "stock", {"used": ["tape"]}, "https://stock.example/hooks"
    )
    assert (label.done, label.dead) == ("label_printed", "label_failed")
    assert label.function is not None
    assert await label.function(wish) == {"label": "K-1/e-1"}


def test_the_page_lists_all_that_an_effect_says_and_all_that_a_wish_knows() -> None:
    said = {name for cells in rows("| `effect(…)` | is |") for name in re.findall(r"`(\w+)`", cells[0])}
    known = {name for cells in rows("| of a `Wish` | is |") for name in re.findall(r"`(\w+)`", cells[0])}
    told = {name for cells in rows("| member | means |") for name in re.findall(r"`(\w+)`", cells[0])}

    keywords = signature(effect).parameters.values()
    assert said == {each.name for each in keywords if each.kind is each.KEYWORD_ONLY}
    assert known == written(Wish)
    assert told == written(RaiseDocument)


def test_the_raise_on_the_page_is_one(folder: Path) -> None:
    (text,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    raised = json.loads(text)
    review = {**a_lifecycle({"wanted": {"on": {"asked": "done"}}, "done": END}), "id": raised["definition"]}
    parcel = a_lifecycle({"placed": {"on": {"packed": {"target": "done", "meta": {"raise": [raised]}}}}, "done": END})
    (folder / "lifecycles/review.json").write_bytes(source_of(review))
    (folder / "lifecycles/parcel.json").write_bytes(source_of(parcel))

    (arrow,) = Catalogue.load([folder]).interpreter("parcel").definition.transitions

    assert arrow.raises == (Raise("review", "asked", "{key}:{second}", opens=True, guard=Guard("is_prepaid")),)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading row."""
    table = TEXT.split(heading)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def written(kind: type[Struct]) -> set[str]:
    return set(kind.__struct_encode_fields__)


def test_the_page_lists_all_that_a_state_may_have() -> None:
    listed = {name for cells in rows("| in a state | means |") for name in re.findall(r"`(\w+)", cells[0])}

    assert listed == written(StateDocument)
    assert written(LifecycleDocument) - listed == {"id", "version", "$schema"}


def test_the_page_lists_all_that_stands_under_meta() -> None:
    listed: dict[str, set[str]] = {"root": set(), "state": set(), "transition": set()}
    for where, key, _ in rows("| where | key | means |"):
        for place in listed:
            if place in where:
                listed[place] |= set(re.findall(r"`(\w+)`", key))

    assert listed == {
        "root": written(LifecycleMeta),
        "state": written(StateMeta),
        "transition": written(TransitionMeta),
    }


def test_the_page_names_the_states_around_the_screens() -> None:
    names = (flow_compiler.NOT_OPENED, flow_compiler.COMPLETED, flow_compiler.EXPIRED, flow_compiler.ABANDONED)

    assert f"and {', '.join(f'`{name}`' for name in names)}." in TEXT
