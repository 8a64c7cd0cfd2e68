"""
The phone's Flows in a real Chromium: what is shown, what can be put in, what is asked of the endpoint, and its crypto.

The page is built for the tests from the phone's own parts; a host on it answers calls as each test says.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from playwright.sync_api import Locator, Page, expect

from api.crypto import open_envelope, read_envelope
from api.keyring import KeyRing
from definitions.flow_json.linter import lint
from definitions.flow_json.table import COMPONENTS
from definitions.simulation.patterns import matching
from tests.api.serving import a_key
from tests.browser.chromium import PHONE, faults_of, look
from tests.browser.payloads import PAYLOADS
from tests.definitions.documents import FLOWS, SAMPLES
from tests.definitions.flow_json import test_expressions as expressions

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent / "flow_page"
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SHOWCASE = json.loads((HERE / "showcase.json").read_text(encoding="utf-8"))
DOCUMENTS = {
    "showcase": HERE / "showcase.json",
    **FLOWS,
    **{path.stem: path for path in sorted((SAMPLES / "flows").glob("*.json"))},
}
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture."""

MOST_STEPS = 40
HANGING = 30_000
"""Milliseconds after which a page hangs that should not need one."""
EXACT = 2**53
"""Beyond this JavaScript's numbers are not all whole."""


@pytest.fixture(scope="session")
def flow_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the phone's parts on it, under the same rules as our own pages."""
    if not ESBUILD.exists():
        pytest.skip("what builds the page is not here: run npm ci")
    script = tmp_path_factory.mktemp("flow_page") / "flow.js"
    subprocess.run(  # noqa: S603 - what the project builds with
        [ESBUILD, HERE / "entry.ts", "--bundle", "--format=iife", "--target=es2022", f"--outfile={script}"],
        check=True,
        capture_output=True,
    )
    files = {
        "/": ("text/html", HERE / "page.html"),
        "/flow.js": ("text/javascript", script),
        "/site.css": ("text/css", ROOT / "api" / "assets" / "site.css"),
        "/flow.css": ("text/css", ROOT / "lab" / "assets" / "flow.css"),
        "/page.css": ("text/css", HERE / "page.css"),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, path = files[self.path]
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-security-policy", CSP)
            self.end_headers()
            self.wfile.write(path.read_bytes())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def phone(page: Page, flow_page: str) -> "Phone":
    """Return a phone without a Flow."""
    return Phone(page, flow_page)


class Phone:
    """A page with a phone on it, and what the phone's host was told."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.goto(address)

    def show(self, document: Any, start: Any = None, answers: Any = ()) -> None:
        """Open a Flow on an empty phone; the host gives *answers* in turn, and lets further calls wait."""
        opening = start or {"kind": "navigate", "screen": document["screens"][0]["id"], "data": {}}
        self.page.evaluate(
            "([document, start, answers]) => void show(document, start, answers)", [document, opening, list(answers)]
        )

    def preview(self, document: Any, screen: str = "") -> None:
        """Show a Flow with its example data, at its entry or at *screen*."""
        self.show(document, {"kind": "preview", **({"screen": screen} if screen else {})})

    def release(self, answer: Any) -> None:
        """Answer the call that waits."""
        self.page.evaluate("answer => host.release(answer)", answer)

    def host(self, name: str) -> Any:
        """Return what the host knows by a name."""
        return self.page.evaluate(f"host.{name}")

    @property
    def screen(self) -> str:
        """Return the screen that is seen."""
        return str(self.page.evaluate("view.screen"))

    @property
    def footer(self) -> Locator:
        """Return the button of the Footer that is seen."""
        return self.page.locator(".flow-footer:visible button")

    def named(self, name: str) -> Locator:
        """Return the component of that name, if it is seen."""
        return self.page.locator(f'[data-name="{name}"]:visible')

    def press(self, name: str) -> None:
        """Press a button by its words."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def told(self) -> list[str]:
        """Return what the inputs are said to be wrong with."""
        return self.page.locator(".flow-fault:visible").all_inner_texts()


def form(*children: Any, name: str = "data_exchange", version: str = "7.3", **screen: Any) -> Any:
    """Return a Flow with an endpoint, of a screen `FIRST` with a Footer that sends its form, and a last one."""
    names = [child["name"] for child in every(children) if "name" in child]
    action = {"name": name, "payload": {each: f"${{form.{each}}}" for each in names}}
    footer = {"type": "Footer", "label": "Send", "on-click-action": action}
    done = {"type": "Footer", "label": "Done", "on-click-action": {"name": "complete", "payload": {"from": "last"}}}
    first = {"id": "FIRST", "title": "First", "data": {}, **screen}
    return {
        "version": version,
        "data_api_version": "3.0",
        "routing_model": {"FIRST": ["LAST"], "LAST": []},
        "screens": [
            {**first, "layout": {"type": "SingleColumnLayout", "children": [*children, footer]}},
            {"id": "LAST", "title": "Last", "data": {}, "layout": {"type": "SingleColumnLayout", "children": [done]}},
        ],
    }


def every(components: Any) -> Iterator[Any]:
    """Yield components and those inside them."""
    for component in components:
        yield component
        inside = [component.get("children"), component.get("then"), component.get("else")]
        for children in [*inside, *component.get("cases", {}).values()]:
            yield from every(children or ())


def text_input(name: str, **more: Any) -> Any:
    return {"type": "TextInput", "name": name, "label": name, **more}


def options(*names: str, **more: Any) -> list[Any]:
    return [{"id": name, "title": name.title(), **more} for name in names]


def answer(screen: str, **data: Any) -> Any:
    return {"status": 200, "content": {"screen": screen, "data": data}}


def sent(phone: Phone) -> list[Any]:
    """Return the data of the calls."""
    return [call["data"] for call in phone.host("calls")]


INIT = {"kind": "data_exchange"}


# Whole Flows


def test_the_showcase_is_sound_and_has_every_component_that_there_is() -> None:
    types = {part["type"] for screen in SHOWCASE["screens"] for part in every(screen["layout"]["children"])}
    problems = lint(DOCUMENTS["showcase"].read_bytes()).problems

    assert types == {*COMPONENTS}
    assert [problem for problem in problems if problem.severity == "error"] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_screen_is_shown_with_components_that_the_phone_knows(phone: Phone, name: str) -> None:
    document = json.loads(DOCUMENTS[name].read_text(encoding="utf-8"))

    for screen in document["screens"]:
        phone.preview(document, screen["id"])

        assert phone.screen == screen["id"]
        assert phone.page.evaluate("view.unknown") == []
        assert phone.page.locator(".flow-unknown").count() == 0
        assert phone.page.locator(".flow-screen").inner_text().strip() or phone.footer.is_visible()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_flow_is_walked_to_its_end_in_a_preview(phone: Phone, name: str) -> None:
    document = json.loads(DOCUMENTS[name].read_text(encoding="utf-8"))
    phone.preview(document)

    walked = walk(phone, document)

    assert phone.host("calls") == []
    assert phone.host("params")[0].items() >= {"flow_token": "token-1"}.items()
    assert walked[0] == document["screens"][0]["id"]
    if "routing_model" in document:
        assert all(screen in document["routing_model"] or screen == walked[-1] for screen in walked)


@pytest.mark.parametrize("name", FLOWS)
def test_everybody_can_use_each_screen_of_our_flows(phone: Phone, name: str) -> None:
    document = json.loads(FLOWS[name].read_text(encoding="utf-8"))
    phone.page.set_viewport_size({"width": PHONE, "height": 900})

    for screen in document["screens"]:
        phone.preview(document, screen["id"])
        assert faults_of(phone.page) == []
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE


@pytest.mark.parametrize("screen", [screen["id"] for screen in SHOWCASE["screens"]])
def test_every_component_can_be_looked_at(phone: Phone, screen: str) -> None:
    phone.preview(SHOWCASE, screen)
    phone.page.evaluate(
        "document.querySelector('#phone').style.height = "
        "`${Math.max(document.querySelector('.flow-screen').scrollHeight + 190, 500)}px`"
    )

    look(phone.page, f"flow-{screen.lower()}", dark=True)


def walk(phone: Phone, document: Any) -> list[str]:
    """Fill each screen and press what leads on, until the Flow is completed; return the screens."""
    screens = {screen["id"]: list(every(screen["layout"]["children"])) for screen in document["screens"]}
    walked: list[str] = []
    while not phone.host("params"):
        assert len(walked) < MOST_STEPS, walked
        walked.append(phone.screen)
        components = screens[phone.screen]
        for _ in range(2):  # what appears on the way included
            for component in components:
                fill(phone, component)
        items = phone.page.locator(".flow-navigation:visible .flow-option")
        if items.count():
            items.first.click()
        elif phone.footer.count():
            phone.footer.click()
            assert phone.screen != walked[-1] or phone.host("params"), (walked, phone.told())
        else:
            phone.press("Back")
    return walked


def fill(phone: Phone, component: Any) -> None:
    """Fill an input as people do, if it is seen and can be used."""
    how = FILLING.get(component["type"])
    part = phone.named(component.get("name", "")).first
    if how is not None and part.count():
        how(phone, part, component)


def fill_text(_: Phone, part: Locator, component: Any) -> None:
    by_type = {"number": "2", "email": "asha@shop.example", "passcode": "1234", "phone": "919800000001"}
    value = by_type.get(component.get("input-type", ""), "Asha Rao")
    if "pattern" in component:
        value = next(matching(component["pattern"], int(component.get("min-chars", 0))))
    part.locator("input, textarea").fill(value)


def tick(_: Phone, part: Locator, __: Any) -> None:
    boxes = part.locator("input:not(:disabled)")
    if boxes.count():
        boxes.first.check()


def press_chip(_: Phone, part: Locator, __: Any) -> None:
    if not part.locator("[aria-pressed=true]").count():
        part.locator("button:not(:disabled)").first.click()


def choose(phone: Phone, part: Locator, _: Any) -> None:
    part.locator("button").click()
    phone.page.locator(".flow-choosing button:not(:disabled)").first.click()


def choose_day(phone: Phone, part: Locator, component: Any) -> None:
    part.locator("button").first.click()
    phone.page.locator(".flow-day:not([aria-disabled])").first.click()
    if component.get("mode") == "range":
        phone.page.locator(".flow-day:not([aria-disabled])").nth(component.get("min-days", 1)).click()
        phone.press("Done")


def add_document(_: Phone, part: Locator, component: Any) -> None:
    if component.get("min-uploaded-documents") and not part.locator(".flow-file").count():
        part.locator("input").set_input_files([photo("card.pdf", kind="application/pdf")])
        expect(part.locator(".flow-file")).to_have_count(1)


FILLING: Mapping[str, Callable[[Phone, Locator, Any], None]] = {
    **dict.fromkeys(("TextInput", "TextArea"), fill_text),
    **dict.fromkeys(("RadioButtonsGroup", "CheckboxGroup", "OptIn"), tick),
    **dict.fromkeys(("DatePicker", "CalendarPicker"), choose_day),
    "ChipsSelector": press_chip,
    "Dropdown": choose,
    "DocumentPicker": add_document,
}


def photo(name: str, size: int = 10, kind: str = "image/png") -> Any:
    """Return a file to be chosen."""
    return {"name": name, "mimeType": kind, "buffer": b"x" * size}


# Expressions

SHOWN = expressions.test_an_expression_has_the_value_that_a_phone_shows.pytestmark[0].args[1]
NOT_NESTED = expressions.test_a_nested_expression_that_is_not_well_formed_is_refused.pytestmark[0].args[1]  # type: ignore[attr-defined]


def is_exact(value: Any) -> bool:
    """Return whether JavaScript has a value as it is."""
    return not isinstance(value, int | float) or abs(value) <= EXACT


def values(page: Page, cases: list[tuple[str, Mapping[str, Any]]]) -> list[Any]:
    """Return the values of expressions on the phone; `?` before one says that it is a condition."""
    return list(page.evaluate("cases => values(cases)", [list(case) for case in cases]))


def test_expressions_have_the_values_that_the_simulated_phone_finds(page: Page, flow_page: str) -> None:
    page.goto(flow_page)
    cases = [
        (text, {"${data.a}": a, "${data.b}": b}, expected)
        for text, a, b, expected in SHOWN
        if is_exact(a) and is_exact(b)
    ]

    found = values(page, [(text, known) for text, known, _ in cases])

    assert found == [expected for *_, expected in cases]
    assert [isinstance(value, bool) for value in found] == [isinstance(expected, bool) for *_, expected in cases]


def test_what_is_not_well_formed_is_no_expression(page: Page, flow_page: str) -> None:
    page.goto(flow_page)
    conditions: list[tuple[str, dict[str, Any]]] = [(f"?{text}", {}) for text, *_ in expressions.FAULTS.values()]
    nested: list[tuple[str, dict[str, Any]]] = [(text, {}) for text, *_ in NOT_NESTED if text.startswith("`")]

    assert set(values(page, [*conditions, *nested])) == {"not read"}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tree=expressions.trees(3), known=expressions.VALUES)
def test_any_expression_has_the_value_worked_out_case_by_case(
    expression_page: Page, tree: Any, known: Mapping[str, Any]
) -> None:
    expected = expressions.calculated(tree, dict(known))
    assume(not (isinstance(expected, str) and ("e+" in expected or "e-" in expected)))  # written otherwise there

    assert values(expression_page, [(f"`{expressions.written(tree)}`", known)]) == [expected]


@pytest.fixture
def expression_page(page: Page, flow_page: str) -> Page:
    page.goto(flow_page)
    return page


# What is put in


def test_the_footer_works_once_what_is_required_is_filled(phone: Phone) -> None:
    phone.show(form(text_input("name", required=True), text_input("town")))

    expect(phone.footer).to_be_disabled()
    phone.page.get_by_label("name").fill("Asha")
    expect(phone.footer).to_be_enabled()
    phone.page.get_by_label("name").fill("")
    expect(phone.footer).to_be_disabled()


FIELDS = {
    "too short": (text_input("x", **{"min-chars": 3}), "ab", "Enter at least 3 characters", "abc"),
    "a number": (text_input("x", **{"input-type": "number"}), "two", "Enter a number", "2.5"),
    "an e-mail address": (text_input("x", **{"input-type": "email"}), "asha", "Enter an e-mail address", "a@b.example"),
    "a phone": (text_input("x", **{"input-type": "phone"}), "ring", "Enter a phone number", "+91 98000 00001"),
    "a pattern": (
        text_input("x", pattern="[A-Z]{2}", **{"helper-text": "Two letters"}),
        "ab",
        "Not in the right form: Two letters",
        "AB",
    ),
}


@pytest.mark.parametrize(("field", "wrong", "told", "right"), FIELDS.values(), ids=FIELDS)
def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_sent(
    phone: Phone, field: Any, wrong: str, told: str, right: str
) -> None:
    phone.show(form(field))
    box = phone.page.get_by_label("x (optional)")

    box.fill(wrong)
    phone.footer.click()
    assert phone.told() == [told]
    assert box.get_attribute("aria-invalid") == "true"
    expect(box).to_be_focused()
    assert phone.host("calls") == []

    box.fill(right)
    assert phone.told() == []
    phone.footer.click()
    assert sent(phone) == [{"x": right}]


SLOW = {
    "repeats in repeats": ("(a+)+b", 40),
    "alternatives that read the same": ("(?:a|a|aa)+b", 40),
    "what need not be there": ("a?" * 40 + "a{40}b", 40),
    "repeats in a row": (r"\w*" * 7 + "!", 78),
    "out of the brackets around it": ("x)|(?:(a*)*b", 40),
}


@pytest.mark.parametrize(("pattern", "length"), SLOW.values(), ids=SLOW)
def test_a_pattern_that_might_take_for_ever_holds_nobody_to_it(phone: Phone, pattern: str, length: int) -> None:
    phone.show(form(text_input("x", pattern=pattern)))
    phone.page.get_by_label("x (optional)").fill("a" * length)

    phone.page.evaluate("void setTimeout(() => document.querySelector('.flow-footer button').click())")

    phone.page.wait_for_function("host.calls.length === 1", timeout=HANGING)


HELD = {
    "groups again and again": ("([A-Z]{2,4}-)+[0-9]+", "AB-CDE-1", "A-1"),
    "one that need not be there": (r"[0-9]+(\.[0-9]{1,2})?", "120.50", "120.505"),
    "classes with brackets": (r"[\])(|*+]+x", "])(|*+x", "a)x"),
    "looking ahead": (r"(?=.*[A-Z])(?=.*[0-9]).{8,}", "asharao1A", "asharao1"),
    "marks with a backslash": (r"\(\p{L}+\)\+?", "(Asha)+", "(Asha"),
    "alternatives": ("(?<town>North|South) [0-9]{1,3}", "North 12", "West 12"),
}


@pytest.mark.parametrize(("pattern", "right", "wrong"), HELD.values(), ids=HELD)
def test_a_pattern_as_people_write_them_holds(phone: Phone, pattern: str, right: str, wrong: str) -> None:
    phone.show(form(text_input("x", pattern=pattern)))
    box = phone.page.get_by_label("x (optional)")

    box.fill(wrong)
    phone.footer.click()
    assert phone.told() == ["This is not in the right form"]

    box.fill(right)
    phone.footer.click()
    assert sent(phone) == [{"x": right}]


@pytest.mark.parametrize("name", ["constructor", "__proto__", "toString"])
def test_a_field_of_any_name_is_empty_until_something_is_put_in(phone: Phone, name: str) -> None:
    choice = {"type": "RadioButtonsGroup", "name": name, "label": name, "required": True, "data-source": options("a")}
    phone.show(form({"type": "Form", "name": "form", "init-values": {}, "error-messages": {}, "children": [choice]}))

    expect(phone.footer).to_be_disabled()
    assert phone.told() == []
    phone.press("Close")
    assert phone.host("reasons") == ["left"]


def test_the_first_of_several_wrong_fields_is_gone_to(phone: Phone) -> None:
    short = {"min-chars": 3}
    phone.show(form(text_input("a"), text_input("b", **short), text_input("c", **short)))
    phone.page.get_by_label("b (optional)").fill("x")
    phone.page.get_by_label("c (optional)").fill("x")

    phone.footer.click()

    assert phone.told() == ["Enter at least 3 characters"] * 2
    expect(phone.page.get_by_label("b (optional)")).to_be_focused()


def test_no_more_characters_fit_than_are_allowed(phone: Phone) -> None:
    area = {"type": "TextArea", "name": "words", "label": "words", "max-length": "5"}
    phone.show(form(text_input("name", **{"max-chars": 3}), area))

    phone.page.get_by_label("name").press_sequentially("abcdef")
    phone.page.get_by_label("words").press_sequentially("abcdefgh")
    phone.footer.click()

    assert sent(phone) == [{"name": "abc", "words": "abcde"}]
    assert phone.page.locator(".flow-count").inner_text() == "5 / 5"


def test_a_form_gives_initial_values_and_error_messages_which_typing_answers(phone: Phone) -> None:
    children = [text_input("town"), text_input("name")]
    about = {"init-values": {"town": "${data.town}"}, "error-messages": {"town": "${data.wrong}"}}
    document = form({"type": "Form", "name": "f", "children": children, **about}, data={"town": {}, "wrong": {}})
    document["screens"][0]["layout"]["children"][-1]["on-click-action"]["payload"].pop("f")
    phone.show(document, INIT, [answer("FIRST", town="Lakeside", wrong="We do not know it")])

    box = phone.page.get_by_label("town")
    assert (box.input_value(), phone.told()) == ("Lakeside", ["We do not know it"])
    box.fill("Hilltop")
    assert phone.told() == []
    phone.footer.click()
    phone.release(answer("FIRST", town="Lakeside", wrong="Nor this one"))
    expect(phone.page.locator(".flow-fault:visible")).to_have_text("Nor this one")

    assert sent(phone)[1] == {"town": "Hilltop"}
    assert box.input_value() == "Hilltop"


@pytest.mark.parametrize(("visible", "said"), [(True, "Said a"), (False, "Said")])
def test_what_an_initial_value_chooses_does_something_and_what_is_hidden_does_not(
    phone: Phone, *, visible: bool, said: str
) -> None:
    update = {"name": "update_data", "payload": {"said": "a"}}
    group = {"type": "Dropdown", "name": "choice", "label": "Choice", "init-value": "a", "visible": visible}
    text = {"type": "TextBody", "text": "`'Said ' ${data.said}`"}

    phone.show(form({**group, "data-source": options("a", **{"on-select-action": update})}, text, data={"said": {}}))

    assert phone.page.locator(".flow-text").inner_text() == said


def test_choices_are_kept_to_their_number_and_to_what_can_be_chosen(phone: Phone) -> None:
    source = [*options("tea", "cake", "plant"), *options("map", enabled=False)]
    bounds = {"min-selected-items": 2, "max-selected-items": 2}
    extras = {"type": "CheckboxGroup", "name": "extras", "label": "Extras", "data-source": source, **bounds}
    phone.show(form(extras))

    assert phone.page.get_by_label("Map").is_disabled()
    phone.page.get_by_label("Cake").check()
    phone.footer.click()
    assert phone.told() == ["Choose at least 2"]
    expect(phone.page.get_by_label("Tea")).to_be_focused()
    phone.page.get_by_label("Tea").check()
    assert phone.page.get_by_label("Plant").is_disabled()
    phone.footer.click()

    assert sent(phone) == [{"extras": ["cake", "tea"]}]


def test_what_is_no_longer_offered_is_no_longer_chosen(phone: Phone) -> None:
    slots = {"type": "RadioButtonsGroup", "name": "slot", "label": "Slot", "required": True}
    document = form({**slots, "data-source": "${data.slots}"}, data={"slots": {}})
    phone.show(document, INIT, [answer("FIRST", slots=options("early", "late"))])
    phone.page.get_by_label("Early").check()
    phone.footer.click()

    phone.release(answer("FIRST", slots=options("late")))

    expect(phone.page.get_by_label("Early")).to_have_count(0)
    expect(phone.footer).to_be_disabled()


def test_what_is_forgotten_decides_what_is_seen(phone: Phone) -> None:
    slots = {"type": "RadioButtonsGroup", "name": "slot", "label": "Slot", "data-source": "${data.slots}"}
    late = {"type": "If", "condition": "${form.slot} == 'late'", "then": [text_input("lamp")]}
    phone.show(form(slots, late, data={"slots": {}}), INIT, [answer("FIRST", slots=options("early", "late"))])
    phone.page.get_by_label("Late").check()
    expect(phone.named("lamp")).to_be_visible()
    phone.footer.click()

    phone.release(answer("FIRST", slots=options("early")))

    expect(phone.named("lamp")).to_have_count(0)


def test_chips_are_gone_through_and_chosen_with_keys(phone: Phone) -> None:
    chips = {
        "type": "ChipsSelector",
        "name": "likes",
        "label": "Likes",
        "data-source": options("roses", "herbs", "bees"),
    }
    phone.show(form(chips))

    phone.page.get_by_role("button", name="Roses").focus()
    for key in ("Space", "ArrowRight", "ArrowRight", "Space", "ArrowLeft"):
        phone.page.keyboard.press(key)
    expect(phone.page.get_by_role("button", name="Herbs")).to_be_focused()
    phone.footer.click()

    assert sent(phone) == [{"likes": ["roses", "bees"]}]


def test_a_long_dropdown_is_searched_and_chosen_from_with_keys(phone: Phone) -> None:
    source = options(*(f"town {letter}" for letter in "abcdefghijkl"))
    phone.show(form({"type": "Dropdown", "name": "town", "label": "Town", "data-source": source}))

    phone.page.get_by_role("button", name="Town").press("Enter")
    phone.page.get_by_label("Search the list").fill("town c")
    phone.page.keyboard.press("Tab")
    phone.page.keyboard.press("Enter")
    expect(phone.page.get_by_role("button", name="Town (optional) Town C")).to_be_focused()
    phone.footer.click()

    assert sent(phone) == [{"town": "town c"}]


def test_a_search_that_finds_nothing_says_so(phone: Phone) -> None:
    source = options(*(f"town {letter}" for letter in "abcdefghijkl"))
    phone.show(form({"type": "Dropdown", "name": "town", "label": "Town", "data-source": source}))
    phone.page.get_by_role("button", name="Town").click()
    told = phone.page.locator(".flow-panel").get_by_role("status")

    expect(told).to_have_count(0)
    phone.page.get_by_label("Search the list").fill("port")
    expect(told).to_have_text("Nothing in the list is called that.")
    phone.page.get_by_label("Search the list").fill("town b")
    expect(told).to_have_count(0)
    expect(phone.page.locator(".flow-choosing button:visible")).to_have_text(["Town B"])


def test_escape_closes_a_list_and_leaves_the_flow_open(phone: Phone) -> None:
    phone.show(form({"type": "Dropdown", "name": "town", "label": "Town", "data-source": options("a", "b")}))
    phone.page.evaluate("document.addEventListener('keydown', event => { host.heard = event.key })")

    phone.page.get_by_role("button", name="Town").click()
    phone.page.keyboard.press("Escape")

    expect(phone.page.locator(".flow-panel")).to_have_count(0)
    expect(phone.page.get_by_role("button", name="Town")).to_be_focused()
    assert (phone.host("heard"), phone.host("reasons")) == (None, [])


def picker(**more: Any) -> Any:
    span = {"min-date": "2027-05-03", "max-date": "2027-06-20"}
    return {"type": "CalendarPicker", "name": "day", "label": "Day", "mode": "single", **span, **more}


def test_only_days_that_are_offered_can_be_chosen(phone: Phone) -> None:
    taken = {"unavailable-dates": ["2027-05-05"], "include-days": ["Mon", "Wed", "Thu"]}
    phone.show(form(picker(**taken)))
    phone.page.get_by_role("button", name="Day").click()

    offered = phone.page.locator(".flow-day:not([aria-disabled])").evaluate_all("days => days.map(d => d.dataset.day)")
    phone.page.locator('[data-day="2027-05-05"]').click(force=True)
    assert phone.page.locator(".flow-panel").count() == 1
    for key in ("ArrowRight", "Enter"):
        phone.page.keyboard.press(key)
    phone.footer.click()

    days = [3, 6, 10, 12, 13, 17, 19, 20, 24, 26, 27, 31]
    assert offered == [f"2027-05-{day:02}" for day in days]
    assert sent(phone) == [{"day": "2027-05-06"}]


def test_keys_go_through_a_calendar_to_its_ends(phone: Phone) -> None:
    phone.show(form(picker()))
    phone.page.get_by_role("button", name="Day").click()

    for key in ("ArrowUp", "ArrowDown", "PageDown", "PageDown", "ArrowLeft"):
        phone.page.keyboard.press(key)
    expect(phone.page.locator('[data-day="2027-06-19"]')).to_be_focused()
    assert phone.page.get_by_role("button", name="Month after").is_disabled()


def test_before_version_5_a_day_is_in_milliseconds(phone: Phone) -> None:
    span = {"min-date": "1800000000000", "max-date": "1805000000000", "unavailable-dates": ["1800057600000"]}
    phone.show(form(picker(type="DatePicker", **span), version="4.0"))
    phone.page.get_by_role("button", name="Day").click()

    phone.page.locator('[data-day="2027-01-16"]').click(force=True)
    assert phone.page.locator(".flow-panel").count() == 1
    phone.page.locator('[data-day="2027-01-18"]').click()
    phone.footer.click()

    assert sent(phone) == [{"day": "1800230400000"}]


@pytest.mark.parametrize("last", ["253402300800000", "999999999999999"])
def test_before_version_5_a_last_day_beyond_all_years_is_none(phone: Phone, last: str) -> None:
    span = {"min-date": "1800000000000", "max-date": last, "init-value": last}
    phone.show(form(picker(type="DatePicker", **span), version="4.0"))
    phone.page.get_by_role("button", name="Day").click()

    phone.page.locator('[data-day="2027-01-18"]').click()
    phone.footer.click()

    assert sent(phone) == [{"day": "1800230400000"}]


def test_a_range_has_a_first_and_a_last_day_so_many_apart(phone: Phone) -> None:
    said = {"label": {"start-date": "From", "end-date": "To"}, "required": {"start-date": True, "end-date": True}}
    phone.show(form(picker(mode="range", title="Your stay", **said, **{"min-days": 2, "max-days": 5})))
    expect(phone.footer).to_be_disabled()

    phone.page.get_by_role("button", name="From").click()
    done = phone.page.get_by_role("button", name="Done")
    for day, words, is_right in (
        ("2027-05-06", "Thu, 6 May 2027: choose the last day", False),
        ("2027-05-07", "Thu, 6 May 2027 to Fri, 7 May 2027: choose 2 to 5 days", False),
        ("2027-05-10", "Mon, 10 May 2027: choose the last day", False),
        ("2027-05-12", "Mon, 10 May 2027 to Wed, 12 May 2027", True),
    ):
        phone.page.locator(f'[data-day="{day}"]').click()
        assert (phone.page.locator(".flow-range-words").inner_text(), done.is_enabled()) == (words, is_right)
    done.click()
    phone.footer.click()

    assert sent(phone) == [{"day": {"start-date": "2027-05-10", "end-date": "2027-05-12"}}]


def test_photos_are_uploaded_and_sent_as_media(phone: Phone) -> None:
    photos = {"type": "PhotoPicker", "name": "photos", "label": "Photos", "min-uploaded-photos": 1}
    phone.show(form({**photos, "max-uploaded-photos": 2, "max-file-size-kb": 1}))
    chooser = phone.page.locator("input[type=file]")
    expect(phone.footer).to_be_disabled()

    chooser.set_input_files([photo("large.png", 2000)])
    assert phone.told() == ["large.png is larger than 1 KB"]
    chooser.set_input_files([photo("note.txt", kind="text/plain")])
    assert phone.told() == ["note.txt is no photo"]
    chooser.set_input_files([photo("a.png"), photo("b.png")])
    expect(phone.page.locator(".flow-file")).to_have_count(2)
    assert phone.told() == []
    assert phone.page.get_by_role("button", name="Add another photo").is_disabled()
    phone.press("Remove a.png")
    phone.footer.click()

    media = {"file_name": "b.png", "media_id": "media-2", "cdn_url": "http://127.0.0.1/m"}
    assert sent(phone) == [{"photos": [{**media, "encryption_metadata": {"plaintext_hash": "hash-2"}}]}]
    assert phone.host("files") == ["a.png image/png 10", "b.png image/png 10"]


def test_a_completion_describes_files_as_whatsapp_does_that_has_them_by_then(phone: Phone) -> None:
    phone.show(form({"type": "PhotoPicker", "name": "photos", "label": "Photos"}, text_input("name"), name="complete"))

    phone.page.locator("input[type=file]").set_input_files([photo("a.png")])
    expect(phone.page.locator(".flow-file")).to_have_count(1)
    phone.footer.click()

    stored = {"id": "media-1", "mime_type": "image/png", "sha256": "hash-1", "file_name": "a.png"}
    assert phone.host("params") == [{"photos": [stored], "flow_token": "token-1"}]


def test_documents_are_of_the_kinds_that_are_taken(phone: Phone) -> None:
    papers = {"type": "DocumentPicker", "name": "papers", "label": "Papers", "allowed-mime-types": ["application/pdf"]}
    phone.show(form(papers))
    chooser = phone.page.locator("input[type=file]")

    chooser.set_input_files([photo("a.png")])
    assert phone.told() == ["a.png is of a kind that is not taken here"]
    chooser.set_input_files([photo("a.pdf", kind="application/pdf")])

    expect(phone.page.locator(".flow-file")).to_have_text("a.pdf")


# What changes on a screen


def test_what_is_chosen_decides_what_is_seen_and_what_is_hidden_is_not_sent(phone: Phone) -> None:
    which = {"type": "RadioButtonsGroup", "name": "which", "label": "Which", "data-source": options("one", "two")}
    condition = "${form.which} == 'one' && !${data.is_closed}"
    branch = {"type": "If", "condition": condition, "then": [text_input("a")], "else": [text_input("b")]}
    switch = {"type": "Switch", "value": "${form.which}", "cases": {"two": [{"type": "TextBody", "text": "Second"}]}}
    hidden = text_input("c", visible="`${form.which} != ''`", required=True)
    phone.show(form(which, branch, switch, hidden, data={"is_closed": {}}), INIT, [answer("FIRST", is_closed=False)])

    def seen() -> list[str]:
        return [name for name in "abc" if phone.named(name).count()]

    assert seen() == ["b"]
    phone.page.get_by_label("One").check()
    assert (seen(), phone.page.get_by_text("Second").is_visible()) == (["a", "c"], False)
    phone.named("a").locator("input").fill("kept to itself")
    phone.page.get_by_label("Two").check()
    assert (seen(), phone.page.get_by_text("Second").is_visible()) == (["b", "c"], True)
    phone.named("c").locator("input").fill("C")
    phone.footer.click()

    assert sent(phone)[1] == {"which": "two", "c": "C"}


def test_the_footer_of_the_branch_that_holds_is_the_one_that_is_seen(phone: Phone) -> None:
    def foot(label: str) -> Any:
        action = {"name": "complete", "payload": {"pressed": label}}
        return {"type": "Footer", "label": label, "on-click-action": action}

    rings = {"type": "OptIn", "name": "rings", "label": "Ring me"}
    document = form(rings, {"type": "If", "condition": "${form.rings}", "then": [foot("Ring")], "else": [foot("Go")]})
    document["screens"][0]["layout"]["children"].pop()
    phone.show(document)

    assert phone.footer.all_inner_texts() == ["Go"]
    phone.page.get_by_label("Ring me").check()
    assert phone.footer.all_inner_texts() == ["Ring"]
    phone.footer.click()
    assert phone.host("params") == [{"pressed": "Ring", "flow_token": "token-1"}]


def test_choosing_updates_data_and_unchoosing_too(phone: Phone) -> None:
    def update(**payload: Any) -> Any:
        return {"name": "update_data", "payload": payload}

    acting = {"on-select-action": update(said="One it is"), "on-unselect-action": update(was="One")}
    source = [{"id": "one", "title": "One", **acting}, *options("two")]
    which = {"type": "RadioButtonsGroup", "name": "which", "label": "Which", "data-source": source}
    tick = {"type": "OptIn", "name": "tick", "label": "Tick", "on-select-action": update(tick=True)}
    tick["on-unselect-action"] = update(tick=False)
    said = {"type": "TextBody", "text": "`${data.said} '/' ${data.was} '/' ${data.tick}`"}
    phone.show(form(which, tick, said, data={"said": {}, "was": {}, "tick": {}}))
    text = phone.page.locator(".flow-text")

    phone.page.get_by_label("One").check()
    assert text.inner_text() == "One it is//"
    phone.page.get_by_label("Two").check()
    phone.page.get_by_label("Tick").check()
    assert text.inner_text() == "One it is/One/true"
    phone.page.get_by_label("Tick").uncheck()
    assert text.inner_text() == "One it is/One/false"


@pytest.mark.parametrize("kind", ["CheckboxGroup", "ChipsSelector", "OptIn"])
def test_what_is_no_longer_chosen_does_what_choosing_does_unless_it_says_something_else(
    phone: Phone, kind: str
) -> None:
    def adding(name: str, letter: str) -> Any:
        return {"name": "update_data", "payload": {name: f"`${{data.{name}}} '{letter}'`"}}

    def group(name: str, *titles: str, **actions: Any) -> Any:
        said = {"type": kind, "name": name, "label": titles[0], "data-source": options(*titles)}
        return {**said, "on-select-action": adding(name, "s"), **actions}

    otherwise = {"on-unselect-action": adding("b", "u")}
    text = {"type": "TextBody", "text": "`${data.a} '/' ${data.b}`"}
    document = form(group("a", "one", "two"), group("b", "three", "four", **otherwise), text, data={"a": {}, "b": {}})
    phone.show(document)
    for title in ["one"] * 2 + ["three"] * 2 if kind == "OptIn" else ["One", "Two"] * 2 + ["Three", "Four"] * 2:
        phone.page.get_by_role("button" if kind == "ChipsSelector" else "checkbox", name=title).click()

    expected = "s/su" if kind == "OptIn" else "ssss/ssuu"
    assert phone.page.locator(".flow-text").inner_text() == expected


def test_choosing_may_ask_the_endpoint_and_what_was_put_in_stays(phone: Phone) -> None:
    asks = {"name": "data_exchange", "payload": {"model": "${form.model}"}}
    models = {"type": "Dropdown", "name": "model", "label": "Model", "on-select-action": asks}
    faults = {"type": "RadioButtonsGroup", "name": "fault", "label": "Fault", "data-source": "${data.faults}"}
    document = form(text_input("name"), {**models, "data-source": options("a", "b")}, faults, data={"faults": {}})
    phone.show(document)
    phone.page.get_by_label("name").fill("Asha")

    phone.page.get_by_role("button", name="Model").click()
    phone.page.locator(".flow-choosing button").last.click()
    assert phone.host("calls") == [{"action": "data_exchange", "screen": "FIRST", "data": {"model": "b"}}]
    phone.release(answer("FIRST", faults=options("noise")))
    expect(phone.page.get_by_role("button", name="Model")).to_be_focused()
    phone.page.get_by_label("Noise").check()
    phone.footer.click()

    assert sent(phone)[1] == {"name": "Asha", "model": "b", "fault": "noise"}


def asking(version: str = "6.3") -> Any:
    """Return a Flow whose first screen asks for faults when a model is chosen."""
    asks = {"name": "data_exchange", "payload": {"model": "${form.model}"}}
    models = {"type": "Dropdown", "name": "model", "label": "Model", "on-select-action": asks, "init-value": "b"}
    faults = {"type": "RadioButtonsGroup", "name": "fault", "label": "Fault", "data-source": "${data.faults}"}
    return form(
        {**models, "data-source": options("a", "b")}, faults, text_input("name"), data={"faults": {}}, version=version
    )


ASKED = {"action": "data_exchange", "screen": "FIRST", "data": {"model": "b"}}


def test_in_version_6_what_is_chosen_is_felt_when_its_screen_is_shown_and_shown_again(phone: Phone) -> None:
    phone.show(asking(), INIT, [answer("FIRST", faults=[])])
    phone.page.wait_for_function("host.calls.length === 2")
    phone.release(answer("FIRST", faults=options("noise")))
    expect(phone.page.get_by_label("Noise")).to_be_visible()
    assert phone.host("calls")[1:] == [ASKED], "its own answer asks nothing again"

    phone.footer.click()
    phone.release(answer("FIRST", faults=options("noise"), error_message="Not yet"))
    expect(phone.page.get_by_role("alert")).to_have_text("Not yet")
    assert len(phone.host("calls")) == 3
    phone.footer.click()
    phone.release(answer("LAST"))
    expect(phone.footer).to_have_text("Done")
    phone.press("Back")
    assert phone.host("calls")[4:] == [ASKED]
    phone.release(answer("FIRST", faults=options("smell")))
    expect(phone.page.get_by_label("Smell")).to_be_visible()
    assert len(phone.host("calls")) == 5


@pytest.mark.parametrize("version", ["5.1", "7.0", "7.3"])
def test_before_version_6_and_after_it_only_choosing_is_felt(phone: Phone, version: str) -> None:
    phone.show(asking(version), INIT, [answer("FIRST", faults=[]), answer("LAST")])
    phone.footer.click()
    expect(phone.footer).to_have_text("Done")

    phone.press("Back")

    assert phone.screen == "FIRST"
    assert sent(phone) == [{}, {"model": "b"}]


def test_a_call_that_a_shown_screen_asks_for_can_be_made_again(phone: Phone) -> None:
    phone.show(asking(), {"kind": "navigate", "screen": "FIRST", "data": {"faults": []}}, [{"status": 500}])
    phone.press("Try again")
    phone.release(answer("FIRST", faults=options("noise")))

    expect(phone.page.get_by_label("Noise")).to_be_visible()
    assert phone.host("calls") == [ASKED, ASKED]


def test_two_screens_that_lead_to_each_other_do_not_ask_for_ever(phone: Phone) -> None:
    asks = {"name": "data_exchange", "payload": {}}
    chosen = {"type": "OptIn", "label": "Agreed", "init-value": True, "on-select-action": asks}
    document = form({**chosen, "name": "one"}, version="6.3")
    document["screens"][1]["layout"]["children"].insert(0, {**chosen, "name": "two"})
    there_and_back = [answer("LAST"), answer("FIRST")] * 3

    phone.show(document, {"kind": "navigate", "screen": "FIRST", "data": {}}, there_and_back)

    expect(phone.footer).to_have_text("Send")
    assert [call["screen"] for call in phone.host("calls")] == ["FIRST", "LAST"]


def test_data_that_choosing_updates_is_updated_when_the_screen_is_shown_again(phone: Phone) -> None:
    more = {"name": "update_data", "payload": {"count": "`${data.count} + 1`"}}
    tick = {"type": "OptIn", "name": "tick", "label": "Tick", "on-select-action": more}
    text = {"type": "TextBody", "text": "`'Count ' ${data.count}`"}
    phone.show(form(tick, text, data={"count": {}}, version="6.3"), INIT)
    phone.release(answer("FIRST", count=1))
    phone.page.get_by_label("Tick").check()
    expect(phone.page.locator(".flow-text")).to_have_text("Count 2")

    phone.footer.click()
    phone.release(answer("FIRST", count=5))

    expect(phone.page.locator(".flow-text")).to_have_text("Count 6")


def test_a_preview_calls_nobody_by_showing_a_screen(phone: Phone) -> None:
    phone.preview(asking())

    assert (phone.screen, phone.host("calls")) == ("FIRST", [])


def test_values_keep_their_kind_in_a_payload(phone: Phone) -> None:
    document = form(data={})
    kinds = {"n": 5, "b": False, "l": ["x"], "o": {"k": 1}, "t": "x"}
    document["screens"][0]["data"] = {name: {} for name in kinds}
    payload = {**{name: f"${{data.{name}}}" for name in kinds}, "sum": "`${data.n} + 1`", "none": "${data.nothing}"}
    document["screens"][0]["layout"]["children"][0]["on-click-action"]["payload"] = payload
    phone.show(document, INIT, [answer("FIRST", **kinds)])

    phone.footer.click()

    assert sent(phone)[1] == {**kinds, "sum": 6}


# The endpoint


def test_a_flow_is_opened_walked_and_ended_by_its_endpoint(phone: Phone) -> None:
    document = form(text_input("name"), data={"hello": {"type": "string", "__example__": "nobody sees this"}})
    document["screens"][0]["title"] = "`'Hello ' ${data.hello}`"
    phone.show(document, INIT)
    assert phone.page.get_by_role("status").all_inner_texts() == ["Loading…"]

    phone.release(answer("FIRST", hello="Asha"))
    expect(phone.page.get_by_role("heading", name="Hello Asha")).to_be_focused()
    phone.page.get_by_label("name").fill("Asha")
    phone.footer.click()
    phone.release(
        {"status": 200, "content": {"screen": "SUCCESS", "data": {"extension_message_response": {"params": {"a": 1}}}}}
    )
    expect(phone.page.get_by_text("Sent. Thank you.")).to_be_visible()

    assert phone.host("calls") == [
        {"action": "INIT", "screen": "", "data": {}},
        {"action": "data_exchange", "screen": "FIRST", "data": {"name": "Asha"}},
    ]
    assert phone.host("params") == [{"a": 1, "flow_token": "token-1"}]
    assert phone.host("screens") == [{"screen": "FIRST", "data": {"hello": "Asha"}}]


def test_a_double_tap_is_one_call(phone: Phone) -> None:
    phone.show(form(text_input("name")))

    phone.footer.dblclick()
    phone.page.evaluate("document.querySelector('.flow-footer button').click()")

    assert len(phone.host("calls")) == 1
    phone.release(answer("LAST"))
    expect(phone.footer).to_have_text("Done")


def test_what_the_endpoint_tells_is_shown_over_the_screen(phone: Phone) -> None:
    phone.show(form(text_input("name")), INIT, [answer("FIRST")])
    phone.page.get_by_label("name").fill("Asha")
    phone.footer.click()

    phone.release(answer("FIRST", error_message="That day is taken"))

    expect(phone.page.get_by_role("alert")).to_have_text("That day is taken")
    assert (phone.screen, phone.page.get_by_label("name").input_value()) == ("FIRST", "Asha")


@pytest.mark.parametrize("lost", [{"status": 500}, {"status": 432}, {"status": 200, "content": "?"}, "lost"])
def test_a_call_that_comes_to_nothing_can_be_made_again(phone: Phone, lost: Any) -> None:
    phone.show(form(text_input("name")), INIT, [lost, lost, answer("FIRST"), lost, answer("LAST")])

    for _ in range(2):
        expect(phone.page.get_by_text("Something went wrong.")).to_be_visible()
        phone.press("Try again")
    phone.page.get_by_label("name").fill("Asha")
    phone.footer.click()
    assert phone.page.get_by_role("alert").inner_text().startswith("Something went wrong.")
    phone.press("Try again")

    expect(phone.footer).to_have_text("Done")
    assert sent(phone)[3:] == [{"name": "Asha"}] * 2


def test_after_421_the_key_is_fetched_again_and_the_call_made_once_more(phone: Phone) -> None:
    phone.show(form(text_input("name")), INIT, [{"status": 421}, answer("FIRST"), {"status": 421}, {"status": 421}])
    expect(phone.footer).to_be_visible()
    assert (len(phone.host("calls")), phone.host("keys")) == (2, 1)

    phone.footer.click()

    expect(phone.page.get_by_role("alert")).to_contain_text("Something went wrong.")
    assert (len(phone.host("calls")), phone.host("keys")) == (4, 2)


def test_a_flow_that_the_endpoint_closed_is_left_by_its_cross_too(phone: Phone) -> None:
    phone.show(form(text_input("name")), INIT, [answer("FIRST"), {"status": 427, "content": {"error_msg": "Too late"}}])
    phone.page.get_by_label("name").fill("Asha")
    phone.footer.click()
    expect(phone.page.get_by_text("Too late")).to_be_visible()

    phone.press("Close")
    phone.press("Close")

    assert phone.host("reasons") == ["Too late"]


@pytest.mark.parametrize(
    ("content", "said"),
    [({"error_msg": "This offer has ended"}, "This offer has ended"), (None, "This form is no longer available.")],
)
def test_427_closes_the_flow_with_its_words(phone: Phone, content: Any, said: str) -> None:
    phone.show(form(text_input("name")), INIT, [{"status": 427, "content": content}])

    expect(phone.page.get_by_text(said)).to_be_visible()
    assert phone.host("reasons") == []
    phone.press("OK")

    assert phone.host("reasons") == [said]


REFUSED = {
    "a screen that is none": (answer("NOWHERE"), "invalid-screen-transition", "FIRST does not lead to NOWHERE"),
    "a screen that no route leads to": (answer("FAR"), "invalid-screen-transition", "FIRST does not lead to FAR"),
    "data of another kind": (answer("LAST", count="two"), "payload-schema-error", "count is no number"),
    "an item of another kind": (answer("LAST", list=[{"id": 5}]), "payload-schema-error", "list[0].id is no string"),
    "null": (answer("LAST", count=None), "payload-schema-error", "count is no number"),
}


@pytest.mark.parametrize(("reply", "error", "why"), REFUSED.values(), ids=REFUSED)
def test_an_answer_that_does_not_fit_is_not_shown_and_the_endpoint_is_told(
    phone: Phone, reply: Any, error: str, why: str
) -> None:
    document = form(text_input("name"))
    items = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}}
    document["screens"][1]["data"] = {"count": {"type": "number"}, "list": items}
    document["screens"].append({**document["screens"][1], "id": "FAR"})
    document["routing_model"]["LAST"] = ["FAR"]
    phone.show(document, INIT, [answer("FIRST"), reply])

    phone.footer.click()

    expect(phone.page.get_by_role("alert")).to_contain_text("Something went wrong.")
    assert phone.screen == "FIRST"
    notice = {"error": error, "error_message": why}
    assert phone.host("calls")[2:] == [{"action": "data_exchange", "screen": "FIRST", "data": notice}]


def test_a_flow_is_opened_only_on_a_screen_that_none_leads_to(phone: Phone) -> None:
    phone.show(form(text_input("name")), INIT, [answer("LAST")])

    expect(phone.page.get_by_text("Something went wrong.")).to_be_visible()
    assert phone.host("calls")[1]["data"]["error"] == "invalid-screen-transition"


@pytest.mark.parametrize(
    ("version", "opens"),
    [
        pytest.param("7.2", "FIRST LAST", id="a link is no route"),
        pytest.param("7.3", "FIRST", id="a link counts"),
    ],
)
@pytest.mark.parametrize("rows", ["${data.rows}", "standing"])
def test_from_7_3_on_a_flow_is_not_opened_where_a_link_leads(phone: Phone, version: str, opens: str, rows: str) -> None:
    action = {"name": "navigate", "next": {"type": "screen", "name": "LAST"}, "payload": {}}
    listed = [{"id": "a", "main-content": {"title": "A"}, "on-click-action": action}]
    links = {"type": "NavigationList", "name": "rows", "list-items": listed if rows == "standing" else rows}
    document = form(links, version=version, data={"rows": {"type": "array", "__example__": listed}})
    document["routing_model"] = {"FIRST": [], "LAST": []}
    opened = []
    for name in ("FIRST", "LAST"):
        phone.show(document, INIT, [answer(name), {"status": 200, "content": {"data": {"acknowledged": True}}}])
        phone.page.locator(".flow-footer, .flow-notice").first.wait_for()
        opened.append(phone.screen)

    assert " ".join(opened).strip() == opens


# Screens


def test_going_back_finds_what_was_put_in(phone: Phone) -> None:
    document = form(text_input("name"), {"type": "OptIn", "name": "news", "label": "News"})
    phone.show(document, INIT, [answer("FIRST"), answer("LAST")])
    phone.page.get_by_label("name").fill("Asha")
    phone.page.get_by_label("News").check()
    phone.footer.click()
    expect(phone.footer).to_have_text("Done")

    phone.press("Back")

    assert phone.screen == "FIRST"
    assert phone.page.get_by_label("name").input_value() == "Asha"
    assert phone.page.get_by_label("News").is_checked()
    assert len(phone.host("calls")) == 2


def test_going_back_asks_the_endpoint_where_the_screen_wants_it(phone: Phone) -> None:
    document = form(text_input("name"), data={"hello": {}})
    document["screens"][1]["refresh_on_back"] = True
    phone.show(document, INIT, [answer("FIRST"), answer("LAST"), answer("FIRST", hello="again")])
    phone.page.get_by_label("name").fill("Asha")
    phone.footer.click()
    expect(phone.footer).to_have_text("Done")

    phone.press("Back")

    expect(phone.page.get_by_label("name")).to_have_value("Asha")
    assert phone.host("calls")[2] == {"action": "BACK", "screen": "LAST", "data": {}}
    assert phone.host("screens")[-1] == {"screen": "FIRST", "data": {"hello": "again"}}


def test_a_screen_knows_what_was_put_in_on_others(phone: Phone) -> None:
    document = form(text_input("name"), name="navigate")
    first, last = (screen["layout"]["children"] for screen in document["screens"])
    first[-1]["on-click-action"] |= {"next": {"type": "screen", "name": "LAST"}, "payload": {"shown": "${form.name}"}}
    document["screens"][1]["data"] = {"shown": {"type": "string", "__example__": "nobody sees this"}}
    last.insert(0, {"type": "TextBody", "text": "`${screen.FIRST.form.name} ' is ' ${data.shown}`"})
    last[-1]["on-click-action"]["payload"] = {"name": "${screen.FIRST.form.name}"}
    phone.show(document)
    phone.page.get_by_label("name").fill("Asha")
    phone.footer.click()

    assert phone.page.locator(".flow-text").inner_text() == "Asha is Asha"
    phone.footer.click()
    assert phone.host("params") == [{"name": "Asha", "flow_token": "token-1"}]
    assert phone.host("calls") == []


def test_closing_asks_only_if_something_would_be_lost(phone: Phone) -> None:
    phone.show(form(text_input("name")))
    phone.press("Close")
    assert phone.host("reasons") == ["left"]

    phone.show(form(text_input("name")))
    phone.page.get_by_label("name").fill("Asha")
    phone.press("Close")
    expect(phone.page.get_by_role("button", name="Stay")).to_be_focused()
    phone.press("Stay")
    assert (phone.host("reasons"), phone.page.get_by_label("name").input_value()) == ([], "Asha")
    phone.press("Close")
    phone.press("Leave")
    assert phone.host("reasons") == ["left"]


def test_what_is_asked_over_a_call_stays_in_front_when_the_call_is_over(phone: Phone) -> None:
    phone.show(form(text_input("name")))
    phone.page.get_by_label("name").fill("Asha")
    phone.footer.click()
    phone.press("Close")
    expect(phone.page.get_by_role("button", name="Stay")).to_be_focused()

    phone.release(answer("FIRST"))

    expect(phone.page.locator(".flow.is-busy")).to_have_count(0)
    expect(phone.page.get_by_role("button", name="Stay")).to_be_focused()
    assert phone.page.locator(".flow-main").evaluate("element => element.inert")
    phone.press("Stay")
    assert not phone.page.locator(".flow-main").evaluate("element => element.inert")


def test_what_is_busy_stays_so_when_a_question_over_it_is_answered(phone: Phone) -> None:
    phone.show(form(text_input("name")))
    phone.page.get_by_label("name").fill("Asha")
    phone.footer.click()
    phone.press("Close")
    phone.press("Stay")

    assert phone.page.locator(".flow-main").evaluate("element => element.inert")
    phone.release(answer("FIRST"))
    expect(phone.page.locator(".flow.is-busy")).to_have_count(0)
    assert not phone.page.locator(".flow-main").evaluate("element => element.inert")


@pytest.mark.parametrize(
    "late",
    [
        answer("SUCCESS", extension_message_response={"params": {"a": 1}}),
        {"status": 427, "content": {"error_msg": "Sent already."}},
        {"status": 500},
        answer("LAST"),
    ],
)
def test_of_a_flow_that_was_taken_away_nobody_hears_again(phone: Phone, late: Any) -> None:
    phone.show(form(text_input("name")))
    phone.page.get_by_label("name").fill("Asha")
    phone.footer.click()

    phone.page.evaluate("view.abandon()")
    phone.release(late)
    phone.page.evaluate("() => { view.close(); return view.back(); }")

    assert (phone.host("params"), phone.host("reasons"), phone.screen) == ([], [], "FIRST")
    assert phone.page.locator(".flow-snack:visible").count() == 0
    assert len(phone.host("calls")) == 1


def test_items_of_a_list_lead_on_with_their_own_action(phone: Phone) -> None:
    def item(name: str, **more: Any) -> Any:
        action = {"name": "data_exchange", "payload": {"chosen": name, "value": "${form.list}"}}
        return {"id": name, "main-content": {"title": name.title()}, "on-click-action": action, **more}

    phone.show(form({"type": "NavigationList", "name": "list", "list-items": [item("a"), item("b", badge="New")]}))

    phone.page.get_by_role("button", name="New B").click()

    assert sent(phone) == [{"chosen": "b", "value": "b"}]


def test_what_arrives_as_data_is_never_an_expression(phone: Phone) -> None:
    written = "${data.secret}"
    data = {"secret": "SECRET", "listed": [{"id": written, "title": written, "description": "`1 + 1`"}]}
    data["rows"] = [{"id": written, "main-content": {"title": written}, "badge": "`${data.secret}`"}]
    choice = {"type": "RadioButtonsGroup", "name": "choice", "label": "Choice"}
    asks = {"name": "data_exchange", "payload": {"row": "${form.rows}", "choice": "${form.choice}"}}
    rows = {"type": "NavigationList", "name": "rows", "list-items": "${data.rows}", "on-click-action": asks}
    here = {**choice, "name": "here", "data-source": [{"id": written, "title": written}]}
    document = form({**choice, "data-source": "${data.listed}"}, here, rows, data={name: {} for name in data})
    phone.show(document, INIT, [answer("FIRST", **data)])

    assert phone.named("choice").locator(".flow-words").inner_text().split() == [written, "`1", "+", "1`"]
    assert phone.named("rows").locator(".flow-badge").inner_text() == "`${data.secret}"[:14] + "…"
    assert phone.named("here").locator(".flow-words").inner_text() == "SECRET"
    phone.page.get_by_label(written).check()
    phone.named("rows").get_by_role("button").click()
    assert sent(phone)[1:] == [{"row": written, "choice": written}]


def test_what_is_chosen_of_data_with_dollars_can_be_sent(phone: Phone) -> None:
    choice = {"type": "RadioButtonsGroup", "name": "choice", "label": "Choice", "data-source": "${data.listed}"}
    phone.show(form(choice, data={"listed": {}}), INIT, [answer("FIRST", listed=options("${data.x}", "`9 - 1`"))])

    phone.page.get_by_role("radio").last.check()
    phone.footer.click()

    assert phone.told() == []
    assert sent(phone)[1:] == [{"choice": "`9 - 1`"}]


# What is read


def test_a_table_takes_no_longer_for_being_long(phone: Phone) -> None:
    rule = "|" + "-|" * 6000
    document = form({"type": "RichText", "text": ["| A |", rule, "| b |", f"{rule}x|"]})
    start = {"kind": "navigate", "screen": "FIRST", "data": {}}

    phone.page.evaluate("([document, start]) => void setTimeout(() => show(document, start))", [document, start])

    phone.page.wait_for_function("document.querySelector('.flow-table td') !== null", timeout=HANGING)
    assert phone.page.locator(".flow-table tr").count() == 3
    assert phone.page.locator(".flow-table th").all_inner_texts() == ["A"]


def test_markdown_is_read_and_links_are_handed_on(phone: Phone) -> None:
    text = [
        "# Title",
        "A **bold** ~~old~~ [link](https://shop.example/a) and [trap](javascript:alert(1))",
        "- one",
        "- two",
    ]
    phone.show(form({"type": "RichText", "text": text}, {"type": "TextBody", "text": "**plain** # same"}))

    rich = phone.page.locator(".flow-rich")
    assert rich.evaluate("element => [...element.children].map(child => child.tagName)") == ["H3", "P", "UL"]
    assert rich.locator("strong, s, a").all_inner_texts() == ["bold", "old", "link"]
    assert phone.page.get_by_text("**plain** # same").is_visible()
    phone.page.get_by_role("link", name="link").click()
    assert phone.host("urls") == ["https://shop.example/a"]


def test_what_is_agreed_to_can_be_read_and_links_opened(phone: Phone) -> None:
    terms = {"type": "OptIn", "name": "terms", "label": "I agree", "required": True}
    terms["on-click-action"] = {"name": "navigate", "next": {"type": "screen", "name": "LAST"}, "payload": {}}
    opening = {"name": "open_url", "url": "https://shop.example/way"}
    phone.show(form(terms, {"type": "EmbeddedLink", "text": "The way", "on-click-action": opening}))

    phone.press("The way")
    assert phone.host("urls") == ["https://shop.example/way"]
    phone.press("Read more")
    assert phone.screen == "LAST"
    phone.press("Back")
    phone.page.get_by_label("I agree").check()
    expect(phone.footer).to_be_enabled()


def test_pictures_come_only_from_the_document(phone: Phone) -> None:
    sources = [DOT, f"data:image/png;base64,{DOT}", "http://elsewhere.invalid/a.png", "<svg onload=alert(1)>"]
    phone.show(form(*({"type": "Image", "src": source, "alt-text": "A dot"} for source in sources)))

    shown = phone.page.locator("img:visible")
    assert shown.count() == 2
    assert shown.evaluate_all("all => all.every(image => image.src.startsWith('data:image/png;base64,iVBOR'))")
    assert phone.page.locator(".flow-image.is-missing").count() == 2


def test_a_picture_says_nothing_that_its_words_say_already(phone: Phone) -> None:
    def item(name: str, title: str) -> Any:
        return {"id": name, "main-content": {"title": title}, "start": {"image": DOT, "alt-text": "Red shoes"}}

    action = {"name": "data_exchange", "payload": {}}
    listed = [item("a", "Red shoes"), item("b", "Sale")]
    offered = [*options("red shoes", image=DOT, **{"alt-text": "Red shoes"}), *options("b", image=DOT)]
    phone.show(
        form(
            {"type": "NavigationList", "name": "list", "list-items": listed, "on-click-action": action},
            {"type": "RadioButtonsGroup", "name": "one", "label": "One", "data-source": offered},
        )
    )

    alts = phone.page.locator("img:visible").evaluate_all("all => all.map(image => image.alt)")
    assert alts == ["", "Red shoes", "", ""]


def test_no_heading_skips_a_level(phone: Phone) -> None:
    texts = [("TextSubheading", "One"), ("TextHeading", "Two"), ("TextSubheading", "Three"), ("TextSubheading", "Four")]
    phone.show(
        form(
            {"type": "TextHeading", "text": "Unseen", "visible": False},
            *({"type": kind, "text": text} for kind, text in texts),
            {"type": "RichText", "text": ["# Five", "## Six"]},
        )
    )

    headings = (
        phone.page.locator("#phone")
        .get_by_role("heading")
        .evaluate_all("all => all.map(each => [each.textContent, Number(each.ariaLevel ?? each.localName.slice(1))])")
    )
    assert headings == [["First", 2], ["One", 3], ["Two", 3], ["Three", 4], ["Four", 4], ["Five", 3], ["Six", 4]]


def test_pictures_of_a_carousel_are_gone_through_by_its_buttons(phone: Phone) -> None:
    phone.preview(SHOWCASE, "TEXTS")
    place = phone.page.locator(".flow-which")

    assert place.inner_text() == "1 of 3"
    phone.press("Next picture")
    expect(place).to_have_text("2 of 3")
    expect(phone.page.get_by_role("button", name="Picture before")).to_be_enabled()


def test_what_no_phone_knows_is_shown_as_that(phone: Phone) -> None:
    phone.show(form({"type": "Zigzag"}, {"type": "If", "condition": "true", "then": [{"type": "Sparkle"}]}))

    assert phone.page.evaluate("view.unknown") == ["Zigzag", "Sparkle"]
    assert phone.page.get_by_text("This phone does not know the component Zigzag.").is_visible()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"version": 7, "screens": {}},
        {
            "version": "7.3",
            "screens": [None, 5, {"id": "A"}, {"id": "B", "layout": {"children": [1, {}, {"type": "If"}]}}],
        },
        {
            "version": "7.3",
            "screens": [{"id": "A", "data": [], "layout": {"children": [{"type": "Footer", "name": 5}]}}],
        },
    ],
)
def test_any_json_is_shown_or_nothing_of_it(phone: Phone, document: Any) -> None:
    phone.preview(document)

    assert phone.page.locator(".flow-notice, .flow-screen").count() == 1
    expect(phone.page.get_by_role("button", name="Close")).to_be_visible()


def test_no_text_is_ever_read_as_markup(phone: Phone) -> None:
    source = [{"id": str(at), "title": text, "description": text, "metadata": text} for at, text in enumerate(PAYLOADS)]
    chips = {"type": "ChipsSelector", "name": "chips", "label": "Chips", "data-source": source}
    items = [{"id": text, "main-content": {"title": text}, "badge": text, "tags": [text]} for text in PAYLOADS]
    links = "\n".join(f"[{text}]({text}) ![{text}]({text}) | {text} |" for text in PAYLOADS)
    document = form(
        *({"type": kind, "text": text, "markdown": True} for text in PAYLOADS for kind in ("TextHeading", "TextBody")),
        *(text_input(f"n{at}", **{"helper-text": text}) for at, text in enumerate(PAYLOADS)),
        {"type": "RichText", "text": links},
        {"type": "CheckboxGroup", "name": "checks", "label": "Checks", "data-source": source},
        {"type": "Dropdown", "name": "drop", "label": "Drop", "data-source": source},
        {"type": "NavigationList", "name": "list", "list-items": items},
        *({"type": "Image", "src": text, "alt-text": text} for text in PAYLOADS),
        chips,
        title=PAYLOADS[0],
    )
    phone.show(document, INIT, [answer("FIRST", error_message=PAYLOADS[0])])
    expect(phone.page.get_by_role("alert")).to_have_text(PAYLOADS[0])

    phone.named("drop").locator("button").click()
    phone.page.locator(".flow-choosing").wait_for()

    made = "[...document.querySelectorAll('#phone *')]"
    assert phone.page.evaluate(f"{made}.filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length") == 0
    assert phone.page.locator("#phone :is(script, iframe, object, embed, link, style, base, form)").count() == 0
    assert phone.page.locator("#phone a").evaluate_all("all => all.every(a => /^https?:/.test(a.href))")


# Crypto

CONTENT = {"action": "data_exchange", "screen": "NAME", "data": {"name": "Añshá 🌿", "n": 1.5}, "flow_token": "t"}


def test_what_the_phone_seals_the_endpoint_opens_and_the_other_way_round(page: Page, flow_page: str) -> None:
    ring = KeyRing([a_key("old.pem"), a_key("new.pem")])
    page.goto(flow_page)

    sealed = read_envelope(
        page.evaluate("([key, content]) => seal(key, content)", [ring.keys[0].public_pem, CONTENT]).encode()
    )
    opened = open_envelope(sealed, ring.decrypt(sealed.key))
    read = page.evaluate("answer => read(answer)", opened.seal(json.dumps({"screen": "Ü"}).encode()).decode())

    assert (json.loads(opened.content), len(sealed.iv), read) == (CONTENT, 16, {"screen": "Ü"})


def test_each_call_is_sealed_with_a_key_and_an_iv_of_its_own(page: Page, flow_page: str) -> None:
    ring = KeyRing([a_key("only.pem")])
    page.goto(flow_page)

    sealed = [
        read_envelope(page.evaluate("([key, content]) => seal(key, content)", [ring.keys[0].public_pem, {}]).encode())
        for _ in range(2)
    ]

    assert sealed[0].iv != sealed[1].iv
    assert ring.decrypt(sealed[0].key) != ring.decrypt(sealed[1].key)


def test_what_is_sealed_for_a_stranger_nobody_opens(page: Page, flow_page: str) -> None:
    ring = KeyRing([a_key("only.pem")])
    page.goto(flow_page)

    stranger = page.evaluate("strangerKey()")
    sealed = read_envelope(page.evaluate("([key, content]) => seal(key, content)", [stranger, CONTENT]).encode())

    assert stranger.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert ring.decrypt(sealed.key) is None


def test_an_answer_that_is_not_for_the_call_is_not_read(page: Page, flow_page: str) -> None:
    ring = KeyRing([a_key("only.pem")])
    page.goto(flow_page)
    first, second = (
        read_envelope(page.evaluate("([key, content]) => seal(key, content)", [ring.keys[0].public_pem, {}]).encode())
        for _ in range(2)
    )
    other = open_envelope(first, ring.decrypt(first.key)).seal(b"{}").decode()

    assert page.evaluate("answer => read(answer).then(() => 'read', error => error.name)", other) == "OperationError"
    assert (
        page.evaluate("answer => read(answer)", open_envelope(second, ring.decrypt(second.key)).seal(b"{}").decode())
        == {}
    )
