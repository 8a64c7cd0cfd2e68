"""The lab's phone in a real browser, against a real server: Flows to their end, the hard cases, the chat, the log."""

import base64
import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.chromium import LAPTOP, PHONE, Watched, faults_of, look
from tests.browser.holding import holding
from tests.cli.shell import developing

SAMPLES = Path(os.environ.get("WAYSTATE_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples") / "flows"
FLOWS = sorted(SAMPLES.glob("*.json"))

OURS = "/lab/graph/v25.0/100000000000001/messages"
ASHA, RAVI, MEERA, KABIR = "919800000042", "919800000043", "919800000002", "919800000003"

Line = tuple[str, str, str, tuple[str, ...]]
"""A line of the log: what was done, from where to where, the status in words, and notes."""

LINES = """
lines => lines.map(line => [
  line.querySelector('.log-what').firstChild.textContent,
  line.querySelector('.log-where').textContent,
  line.querySelector('.log-facts .badge')?.textContent ?? '',
  [...line.querySelectorAll('.log-notes .badge')].map(note => note.textContent),
])
"""

STREAMS = """
window.streams = [];
window.EventSource = class extends EventSource {
  constructor(address) {
    super(address);
    streams.push(this);
  }
};
"""
"""Keeps all streams that a page opens."""

PHOTO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

CALLS = "**/lab/api/relay/**"
"""The addresses that Flows' calls leave the page by."""

INIT: Line = ("INIT", "PRODUCT_SELECTOR", "200", ())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a development server that has its lab."""
    with developing(tmp_path_factory.mktemp("lab")).serving("--lab") as server:
        yield server.wait_until_up()


class Handset:
    """The page, as whoever tries it sees it."""

    def __init__(self, page: Page, lab: str) -> None:
        self.page = page
        self.lab = lab

    def open(self, **query: str) -> Locator:
        """Open the page, perhaps with a Flow; return the sheet that Flows open in."""
        self.page.goto(f"{self.lab}/lab/phone?{'&'.join(f'{name}={value}' for name, value in query.items())}")
        expect(self.page.locator("#standing")).to_have_text("live")
        return self.sheet

    @property
    def sheet(self) -> Locator:
        """Return what has slid over the chat."""
        return self.page.locator(".sheet")

    @property
    def messages(self) -> Locator:
        """Return the chat's messages."""
        return self.page.locator("#messages > li")

    def log(self, count: int) -> list[Line]:
        """Return the log's lines, oldest first, once there are so many."""
        lines = self.page.locator("#log > li")
        expect(lines).to_have_count(count)
        return [(what, where, status, tuple(notes)) for what, where, status, notes in lines.evaluate_all(LINES)][::-1]

    @property
    def holder(self) -> Locator:
        """Return where it stands who holds the phone."""
        return self.page.get_by_label("Who holds the phone", exact=True)

    def hand_over(self, number: str) -> None:
        """Let somebody else have the phone, or try to."""
        if self.holder.locator(f"option[value='{number}']").count():
            self.holder.select_option(number)
            return
        self.holder.select_option("Somebody else…")
        self.page.get_by_label("Phone number").fill(number)
        self.page.get_by_role("button", name="Use it").click()

    def switch(self, name: str) -> None:
        """Switch a hard case on."""
        self.page.get_by_label(name, exact=True).check()

    def expect_state(self, state: str) -> None:
        """Wait until the session is in that state."""
        expect(self.page.locator("#state .badge")).to_have_text(state)

    def choose_and_go_on(self, choice: str, button: str) -> None:
        """Choose on the screen, and press its button."""
        self.sheet.get_by_text(choice, exact=True).click()
        self.sheet.get_by_role("button", name=button).click()

    def comes(self, to: str, **message: Any) -> str:
        """Let a message of ours come to somebody, as Graph would bring it; return its id."""
        content = {"messaging_product": "whatsapp", "to": to, **message}
        answer = httpx2.post(self.lab + OURS, json=content, headers={"Authorization": "Bearer lab"}, trust_env=False)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["messages"][0]["id"])

    def session(self, flow: str, token: str) -> Any:
        """Return a session, as the lab's server tells it."""
        return httpx2.get(f"{self.lab}/lab/api/session/{flow}/{token}", trust_env=False).json()


@pytest.fixture
def handset(page: Page, lab: str) -> Handset:
    """Return the page, not opened yet."""
    return Handset(page, lab)


# Flows


def test_an_offer_is_walked_to_its_end(handset: Handset) -> None:
    sheet = handset.open(flow="personalised_offer", person=ASHA)

    handset.choose_and_go_on("Mobile phones", "Continue")
    handset.expect_state("OPTIONS")
    sheet.get_by_role("button", name="View phones").click()
    handset.choose_and_go_on("TechWave TW14 Pro", "View details")
    sheet.get_by_role("button", name="Reserve this offer").click()

    handset.expect_state("completed")
    expect(sheet).to_have_count(0)
    expect(handset.messages.last).to_contain_text("Form sent")
    assert handset.log(6) == [
        INIT,
        ("data_exchange", "PRODUCT_SELECTOR → OPTIONS", "200", ()),
        ("data_exchange", "OPTIONS → OFFER", "200", ()),
        ("data_exchange", "OFFER → PRODUCT_DETAIL", "200", ()),
        ("data_exchange", "PRODUCT_DETAIL → SUCCESS", "200", ()),
        ("interactive nfm_reply", "Asha Rao → the shop", "200", ()),
    ]


def test_the_log_has_the_calls_as_they_were_before_they_were_sealed(handset: Handset) -> None:
    handset.open(flow="personalised_offer")

    handset.page.locator("#log summary").click()

    asked, answered = (json.loads(said) for said in handset.page.locator("#log pre").all_inner_texts())
    token = asked.pop("flow_token")
    assert asked == {"version": "3.0", "action": "INIT", "screen": "", "data": {}}
    assert answered["screen"] == "PRODUCT_SELECTOR"
    assert handset.session("personalised_offer", token)["state"] == "PRODUCT_SELECTOR"


def test_a_form_without_endpoint_is_completed_by_its_message(handset: Handset) -> None:
    sheet = handset.open(flow="purchase_interest", person=RAVI)
    handset.expect_state("not_opened")

    sheet.get_by_label("Name").fill("Ravi Mehta")
    sheet.get_by_label("Email").fill("ravi@example.com")
    sheet.get_by_role("checkbox").first.check(force=True)
    sheet.get_by_role("button", name="Continue").click()
    handset.choose_and_go_on("Cameras", "Confirm")

    handset.expect_state("completed")
    assert handset.log(3) == [
        ("navigate", "JOIN_NOW", "", ("no call",)),
        ("navigate", "JOIN_NOW → CATEGORIES", "", ("no call",)),
        ("interactive nfm_reply", "Ravi Mehta → the shop", "200", ()),
    ]


def test_a_flow_that_a_message_brings_is_answered_to_that_message(handset: Handset) -> None:
    minting = {"flow": "personalised_offer", "recipient": MEERA, "data": {}}
    token = httpx2.post(f"{handset.lab}/lab/api/sessions", json=minting, trust_env=False).json()["token"]
    parameters = {
        "flow_message_version": "3",
        "flow_name": "personalised_offer",
        "flow_token": token,
        "flow_cta": "See your offer",
        "flow_action": "data_exchange",
    }
    action = {"name": "flow", "parameters": parameters}
    handset.comes(
        MEERA, type="interactive", interactive={"type": "flow", "body": {"text": "For you"}, "action": action}
    )
    handset.open(person=MEERA)

    handset.page.get_by_role("button", name="See your offer").click()

    handset.expect_state("PRODUCT_SELECTOR")
    handset.choose_and_go_on("Mobile phones", "Continue")
    handset.expect_state("OPTIONS")
    assert handset.session("personalised_offer", token)["state"] == "OPTIONS"


def test_a_form_is_asked_about_before_the_phone_goes_to_somebody_else(handset: Handset) -> None:
    sheet = handset.open(flow="personalised_offer", person=ASHA)
    sheet.get_by_text("Mobile phones", exact=True).click()
    question = sheet.get_by_role("dialog", name="Leave this form?")

    handset.hand_over(RAVI)
    expect(question).to_be_visible()
    sheet.get_by_role("button", name="Stay").click()
    handset.hand_over(RAVI)
    expect(question).to_be_visible()
    handset.page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(handset.holder).to_have_value(ASHA)
    expect(sheet.get_by_role("radio", name="Mobile phones")).to_be_checked()
    handset.page.keyboard.press("Escape")
    sheet.get_by_role("button", name="Leave").click()

    expect(sheet).to_have_count(0)
    expect(handset.holder).to_have_value(ASHA)


def test_another_flow_opens_once_the_form_before_it_has_been_left(handset: Handset) -> None:
    sheet = handset.open(flow="personalised_offer", person=ASHA)
    sheet.get_by_text("Mobile phones", exact=True).click()

    handset.page.get_by_label("Open a Flow").select_option("purchase_interest")
    handset.page.get_by_role("button", name="Open", exact=True).click()
    expect(sheet.get_by_role("dialog", name="Leave this form?")).to_be_visible()
    sheet.get_by_role("button", name="Leave").click()

    expect(sheet.locator("[data-screen]")).to_have_attribute("data-screen", "JOIN_NOW")
    assert handset.log(3)[1] == ("closed", "personalised_offer", "", ("by the customer",))


def test_an_answer_that_comes_after_the_phone_was_handed_over_does_nothing(handset: Handset) -> None:
    sheet = handset.open(flow="personalised_offer", person=ASHA)
    handset.choose_and_go_on("Mobile phones", "Continue")
    sheet.get_by_role("button", name="View phones").click()
    handset.choose_and_go_on("TechWave TW14 Pro", "View details")
    held = holding(handset.page, CALLS, times=1)
    with handset.page.expect_request(CALLS):
        sheet.get_by_role("button", name="Reserve this offer").click()

    handset.hand_over("919800000020")
    sheet.get_by_role("button", name="Leave").click()
    open_offer(handset)
    handset.expect_state("PRODUCT_SELECTOR")
    held[0].continue_()

    late: Line = ("data_exchange", "PRODUCT_DETAIL → SUCCESS", "200", ())
    assert handset.log(7)[4:] == [("closed", "personalised_offer", "", ("by the customer",)), INIT, late]
    expect(sheet.locator("[data-screen]")).to_have_attribute("data-screen", "PRODUCT_SELECTOR")
    expect(handset.messages).to_have_count(0)


def test_a_flow_that_is_opened_in_place_of_another_is_the_only_one_that_goes_on(handset: Handset) -> None:
    sheet = handset.open()
    held = holding(handset.page, CALLS)
    with handset.page.expect_request(CALLS):
        open_offer(handset)
    handset.page.get_by_label("Open a Flow").select_option("purchase_interest")
    handset.page.get_by_role("button", name="Open", exact=True).click()
    expect(sheet.locator("[data-screen]")).to_have_attribute("data-screen", "JOIN_NOW")

    held[0].continue_()

    assert handset.log(3)[-1] == INIT
    expect(sheet.locator("[data-screen]")).to_have_attribute("data-screen", "JOIN_NOW")


def test_a_flow_does_not_open_for_somebody_who_did_not_ask_for_it(handset: Handset) -> None:
    handset.open(person=ASHA)
    held = holding(handset.page, "**/lab/api/sessions")
    with handset.page.expect_request("**/lab/api/sessions"):
        open_offer(handset)

    handset.hand_over(RAVI)
    with handset.page.expect_response("**/lab/api/sessions"):
        held[0].continue_()
    handset.page.get_by_label("Message").fill("Hello")
    handset.page.get_by_label("Message").press("Enter")

    assert handset.log(1) == [("text", "Ravi Mehta → the shop", "200", ())]
    expect(handset.sheet).to_have_count(0)


def test_what_is_asked_for_while_something_else_is_under_way_is_not_passed_over_in_silence(handset: Handset) -> None:
    handset.open()
    held = holding(handset.page, "**/lab/api/sessions")
    with handset.page.expect_request("**/lab/api/sessions"):
        open_offer(handset)

    handset.page.get_by_role("button", name="The shop's products").click()

    expect(handset.page.get_by_role("alert")).to_contain_text("still under way")
    held[0].continue_()
    expect(handset.sheet).to_be_visible()
    expect(handset.page.locator("#start-fault")).to_be_hidden()


def test_a_server_that_never_answers_is_given_up(handset: Handset) -> None:
    handset.page.clock.install()
    handset.open()
    handset.page.route("**/lab/api/products", lambda _: None)
    with handset.page.expect_request("**/lab/api/products"):
        handset.page.get_by_role("button", name="The shop's products").click()

    handset.page.clock.run_for(31_000)

    expect(handset.page.get_by_role("alert")).to_have_text("The lab's server does not answer.")


def test_a_flow_takes_the_focus_and_gives_it_back(handset: Handset) -> None:
    handset.open()
    handset.page.get_by_label("Open a Flow").select_option("personalised_offer")
    opener = handset.page.get_by_role("button", name="Open", exact=True)
    opener.focus()
    handset.page.keyboard.press("Enter")
    handset.expect_state("PRODUCT_SELECTOR")

    assert handset.sheet.evaluate("sheet => sheet.contains(document.activeElement)")
    assert handset.page.locator("#chat").evaluate("chat => chat.inert")

    handset.page.keyboard.press("Escape")

    expect(handset.sheet).to_have_count(0)
    expect(opener).to_be_focused()
    assert handset.log(2)[-1] == ("closed", "personalised_offer", "", ("by the customer",))


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_any_flow_is_shown_with_its_examples(handset: Handset, path: Path) -> None:
    handset.open()

    handset.page.locator("#own").get_by_text("Look at any Flow JSON").click()
    handset.page.get_by_label("A file").set_input_files(path)

    screens = json.loads(path.read_text())["screens"]
    expect(handset.sheet.locator(".flow")).to_be_visible()
    (line,) = handset.log(1)
    assert line[0::2] == ("navigate", "")
    assert line[1] in {screen["id"] for screen in screens}


def test_a_flow_json_that_is_none_is_refused_in_words(handset: Handset) -> None:
    handset.open()
    handset.page.locator("#own").get_by_text("Look at any Flow JSON").click()

    for written, told in (("{", "pasted is no JSON."), ("{}", "pasted is no Flow JSON: it has no screens.")):
        handset.page.get_by_label("Or its text").fill(written)
        handset.page.get_by_role("button", name="Look at it").click()
        expect(handset.page.get_by_role("alert")).to_have_text(told)


def test_a_photo_goes_with_a_form_and_is_opened_by_the_server(handset: Handset) -> None:
    sheet = handset.open(flow="repair_visit", person=ASHA)

    sheet.get_by_role("button", name="Washing machine").click()
    sheet.get_by_role("button", name="Model").click()
    sheet.get_by_text("Tindal Brook").click()
    handset.choose_and_go_on("Something else", "Continue")
    sheet.get_by_text("It is loud").click()
    sheet.get_by_text("Today").click()
    sheet.get_by_label("What happens?").fill("It hums")
    sheet.locator("input[type=file]").first.set_input_files(
        {"name": "sign.png", "mimeType": "image/png", "buffer": PHOTO}
    )
    expect(sheet.get_by_text("sign.png")).to_be_visible()
    sheet.get_by_role("button", name="Continue").click()

    handset.expect_state("WARRANTY")
    line = handset.page.locator("#log > li").first
    line.locator("summary").click()
    asked = json.loads(line.locator("pre").first.inner_text())
    (photo,) = asked["data"]["photos"]
    assert photo["file_name"] == "sign.png"
    assert photo["cdn_url"].startswith(f"{handset.lab}/lab/media/")
    assert sorted(photo["encryption_metadata"]) == [
        "encrypted_hash",
        "encryption_key",
        "hmac_key",
        "iv",
        "plaintext_hash",
    ]


# Hard cases


def test_a_double_tap_moves_one_step(handset: Handset) -> None:
    handset.open(flow="personalised_offer")
    handset.expect_state("PRODUCT_SELECTOR")
    handset.switch("Double tap")

    handset.choose_and_go_on("Mobile phones", "Continue")

    handset.expect_state("OPTIONS")
    first, *both = handset.log(3)
    assert first == INIT
    assert sorted(both) == [
        ("data_exchange", "PRODUCT_SELECTOR → OPTIONS", "200", ("double tap: first",)),
        ("data_exchange", "PRODUCT_SELECTOR → OPTIONS", "200", ("double tap: second",)),
    ]


def test_a_stale_key_is_fetched_again(handset: Handset, window: Watched) -> None:
    window.expect_status(421)
    handset.open()
    handset.switch("Stale key")

    open_offer(handset)

    handset.expect_state("PRODUCT_SELECTOR")
    assert handset.log(2) == [
        ("INIT", "", "421 cannot decrypt", ("stale key",)),
        ("INIT", "PRODUCT_SELECTOR", "200", ("key fetched again",)),
    ]


@pytest.mark.parametrize(
    ("case", "status", "told"),
    [
        ("Missing token", 427, "427 token ended"),
        ("Ended token", 427, "427 token ended"),
        ("No signature", 432, "432 signature refused"),
    ],
)
def test_what_must_be_refused_is(handset: Handset, window: Watched, case: str, status: int, told: str) -> None:
    window.expect_status(status)
    handset.open()
    handset.switch(case)
    expect(handset.page.get_by_text("1 hard case")).to_be_visible()

    open_offer(handset)

    assert handset.log(1) == [("INIT", "", told, ())]
    handset.page.get_by_role("button", name="All as usual").click()
    expect(handset.page.get_by_text("1 hard case")).to_be_hidden()


def test_a_form_that_ended_on_this_phone_cannot_be_opened_again(handset: Handset, window: Watched) -> None:
    window.expect_status(427)
    sheet = handset.open(flow="personalised_offer")
    handset.choose_and_go_on("Mobile phones", "Continue")
    sheet.get_by_role("button", name="View phones").click()
    handset.choose_and_go_on("TechWave TW14 Pro", "View details")
    sheet.get_by_role("button", name="Reserve this offer").click()
    handset.log(6)
    token = token_of(handset.page.locator("#log > li").first)
    handset.switch("Ended token")

    open_offer(handset)

    assert handset.log(7)[-1] == ("INIT", "", "427 token ended", ())
    assert token_of(handset.page.locator("#log > li").first) == token
    expect(sheet).to_contain_text("You have already sent this form.")


def test_the_last_call_again_gets_the_same_bytes(handset: Handset) -> None:
    handset.open(flow="personalised_offer")
    handset.choose_and_go_on("Mobile phones", "Continue")
    handset.expect_state("OPTIONS")

    handset.page.get_by_role("button", name="Send the last call again").click()

    step: Line = ("data_exchange", "PRODUCT_SELECTOR → OPTIONS", "200", ())
    assert handset.log(3) == [INIT, step, (*step[:3], ("replay: the same bytes",))]
    handset.expect_state("OPTIONS")


def test_what_is_sent_again_is_what_the_person_sent(handset: Handset) -> None:
    def without_ways(route: Route) -> None:
        answer = route.fetch()
        source = answer.json()
        source["document"]["routing_model"] = {name: [] for name in source["document"]["routing_model"]}
        route.fulfill(response=answer, json=source)

    handset.page.route("**/lab/api/flows/personalised_offer", without_ways)
    sheet = handset.open(flow="personalised_offer")
    handset.choose_and_go_on("Mobile phones", "Continue")
    expect(sheet.get_by_role("button", name="Try again")).to_be_visible()
    handset.log(3)

    handset.page.get_by_role("button", name="Send the last call again").click()

    assert handset.log(4)[-1][-1] == ("replay: the same bytes",)
    line = handset.page.locator("#log > li").first
    line.locator("summary").click()
    asked = json.loads(line.locator("pre").first.inner_text())
    assert asked["data"]["product_selection"] == "0_mobile_phones"


def test_an_answer_that_comes_too_late_is_lost_and_can_be_had_again(handset: Handset) -> None:
    handset.page.clock.install()
    handset.open(flow="personalised_offer")
    handset.expect_state("PRODUCT_SELECTOR")
    handset.page.get_by_label("Slow network").select_option("12 seconds: too late")

    handset.choose_and_go_on("Mobile phones", "Continue")
    handset.page.clock.run_for(11_000)

    again = handset.sheet.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    handset.page.get_by_label("Slow network").select_option("As it is")
    again.click()
    handset.page.clock.run_for(1000)
    handset.expect_state("OPTIONS")
    step = ("data_exchange", "PRODUCT_SELECTOR → OPTIONS", "200")
    assert handset.log(3) == [INIT, (*step, ("answer lost after 10 s",)), (*step, ())]


def token_of(line: Locator) -> str:
    """Return the flow token that a line of the log was sent with."""
    line.locator("summary").click()
    said = json.loads(line.locator("pre").first.inner_text())
    reply = said.get("interactive", {}).get("nfm_reply")
    return str((said if reply is None else json.loads(reply["response_json"]))["flow_token"])


def open_offer(handset: Handset) -> None:
    """Open the offer from the list of Flows."""
    handset.page.get_by_label("Open a Flow").select_option("personalised_offer")
    handset.page.get_by_role("button", name="Open", exact=True).click()


# The chat


def test_what_is_typed_is_sent_and_answered(handset: Handset) -> None:
    handset.open(person="919800000011")

    handset.page.get_by_label("Message").fill("STOP")
    handset.page.keyboard.press("Enter")

    expect(handset.messages).to_have_count(2)
    assert handset.messages.first.locator(".said").inner_text() == "STOP"
    expect(handset.messages.last).to_contain_text("To start again, send START.")
    expect(handset.messages.last.locator(".standing")).to_contain_text("read")


def test_a_template_comes_and_its_button_is_tapped(handset: Handset) -> None:
    words = ("Kabir", "The shop", "WS-1003", "1", "+91 98000 00099", "Steel kettle")
    values = [{"type": "text", "text": text} for text in words]
    buttons = [
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": str(index),
            "parameters": [{"type": "payload", "payload": code}],
        }
        for index, code in enumerate(("ACTF001", "ACTF003"))
    ]
    template = {
        "name": "failed_delivery",
        "language": {"code": "en"},
        "components": [{"type": "body", "parameters": values}, *buttons],
    }
    handset.open(person=KABIR)

    handset.comes(KABIR, type="template", template=template)

    came = handset.messages.first
    expect(came.locator(".said")).to_contain_text("Hello Kabir, The shop could not deliver your order WS-1003")
    expect(came.locator(".standing")).to_contain_text("read")
    came.get_by_role("button", name="Cancel my order").click()
    expect(handset.messages.nth(1).locator(".said")).to_have_text("Cancel my order")
    expect(handset.messages.nth(1).locator(".quote")).to_have_text("Template failed_delivery")
    assert handset.log(1) == [("button", "Kabir Das → the shop", "200", ())]
    handset.page.locator("#log summary").click()
    said = json.loads(handset.page.locator("#log pre").first.inner_text())
    assert said["button"] == {"text": "Cancel my order", "payload": "ACTF003"}


def test_every_template_that_ships_has_words_and_others_show_what_they_bring(handset: Handset) -> None:
    said = json.loads(Path("definitions/messages/messages.json").read_text())["events"].values()
    shipped = [template for event in said for template in event.get("templates", ())]
    handset.open(person="919800000019")

    for template in [*shipped, {"name": "of_the_merchant", "body": ["Nina", "WS-1019"]}]:
        values = [{"type": "text", "text": f"value {index}"} for index, _ in enumerate(template["body"])]
        content = {"name": template["name"], "language": {"code": "en"}}
        handset.comes(
            "919800000019",
            type="template",
            template={**content, "components": [{"type": "body", "parameters": values}]},
        )

    expect(handset.messages).to_have_count(len(shipped) + 1)
    expect(handset.messages.locator(".parameters li")).to_have_text(["value 0", "value 1"])


def test_who_keeps_what_they_read_to_themselves_leaves_it_delivered(handset: Handset) -> None:
    handset.open(person="919800000012")
    handset.page.get_by_label("Read receipts").uncheck()

    handset.comes("919800000012", type="text", text={"body": "Are you there?"})

    standing = handset.messages.first.locator(".standing")
    expect(standing).to_contain_text("delivered")
    handset.page.get_by_label("Read receipts").check()
    expect(standing).to_contain_text("read")


def test_a_choice_from_a_list_is_sent(handset: Handset) -> None:
    rows = [{"id": "mon", "title": "Monday", "description": "In the morning"}, {"id": "tue", "title": "Tuesday"}]
    action = {"button": "Days", "sections": [{"title": "This week", "rows": rows}]}
    handset.open(person="919800000013")
    handset.comes(
        "919800000013", type="interactive", interactive={"type": "list", "body": {"text": "When?"}, "action": action}
    )

    handset.page.get_by_role("button", name="Days").click()
    handset.sheet.get_by_role("button", name="Monday").click()

    expect(handset.messages.nth(1)).to_contain_text("Monday")
    assert handset.log(1) == [("interactive list_reply", "Customer → the shop", "200", ())]


def test_products_are_asked_about_and_bought(handset: Handset) -> None:
    handset.open(person="919800000014")

    handset.page.get_by_role("button", name="The shop's products").click()
    handset.sheet.get_by_role("button", name="Ask about Assam tea, 250 g").click()
    expect(handset.messages.first.locator(".quote")).to_have_text("About TEA-ASSAM-250")
    handset.page.get_by_role("button", name="The shop's products").click()
    handset.sheet.get_by_label("How many: Steel kettle, 1.5 l").fill("2")
    handset.sheet.get_by_role("button", name="Send the cart").click()

    expect(handset.messages.nth(1)).to_contain_text("KETTLE-STEEL 1299 INR")
    assert handset.log(2) == [
        ("text", "Customer → the shop", "200", ()),
        ("order", "Customer → the shop", "200", ()),
    ]


def test_what_could_not_be_sent_need_not_be_written_again(handset: Handset, window: Watched) -> None:
    window.expect_status(502)
    handset.open(person="919800000017")
    handset.page.route("**/lab/api/messages", lambda route: route.fulfill(status=502, body="{}"))

    handset.page.get_by_label("Message").fill("Where is it?")
    handset.page.get_by_role("button", name="Send", exact=True).click()

    assert handset.log(1) == [("text", "Customer → the shop", "502", ())]
    expect(handset.page.get_by_label("Message")).to_have_value("Where is it?")


def test_what_one_person_could_not_send_is_not_put_into_the_mouth_of_the_next(
    handset: Handset, window: Watched
) -> None:
    window.expect_status(502)
    handset.open(person="919800000017")
    held = holding(handset.page, "**/lab/api/messages")
    words = handset.page.get_by_label("Message")
    words.fill("Where is mine?")
    with handset.page.expect_request("**/lab/api/messages"):
        words.press("Enter")
    words.fill("And when")

    handset.hand_over(RAVI)
    expect(words).to_have_value("")
    held[0].fulfill(status=502, body="{}")

    assert handset.log(1) == [("text", "Customer → the shop", "502", ())]
    expect(words).to_have_value("")


def test_people_who_take_turns_quickly_have_one_stream(handset: Handset) -> None:
    handset.page.add_init_script(STREAMS)
    handset.open(person=ASHA)
    held = holding(handset.page, "**/lab/api/chat?*")
    for number in (RAVI, ASHA, RAVI, ASHA):
        with handset.page.expect_request("**/lab/api/chat?*"):
            handset.hand_over(number)

    for route in held:
        with handset.page.expect_response("**/lab/api/chat?*"):
            route.continue_()

    expect(handset.page.locator("#standing")).to_have_text("live")
    handset.comes(ASHA, type="text", text={"body": "Only one hears of this"})
    expect(handset.messages.last).to_contain_text("Only one hears of this")
    assert handset.page.evaluate("streams.filter(each => each.readyState !== EventSource.CLOSED).length") == 1


def test_anybody_can_hold_the_phone(handset: Handset) -> None:
    handset.open()
    handset.page.get_by_label("Who holds the phone", exact=True).select_option("Somebody else…")

    handset.page.get_by_label("Phone number").fill("12")
    handset.page.get_by_role("button", name="Use it").click()
    expect(handset.page.get_by_role("alert")).to_contain_text("8 to 15 digits")
    handset.page.get_by_label("Phone number").fill("+91 98000 00018")
    handset.page.get_by_label("Name", exact=True).fill("Nina Paul")
    handset.page.get_by_role("button", name="Use it").click()
    handset.page.get_by_label("Message").fill("Hello")
    handset.page.keyboard.press("Enter")

    assert handset.log(1) == [("text", "Nina Paul → the shop", "200", ())]
    handset.page.reload()
    expect(handset.messages.first).to_contain_text("Hello")


def test_what_people_write_is_text_and_nothing_else(handset: Handset) -> None:
    written = "<img src=x onerror=alert(1)> *bold* javascript:alert(1) https://shop.example/a?b=<i>"
    handset.open(person="919800000015")

    handset.comes("919800000015", type="text", text={"body": written})

    said = handset.messages.first.locator(".said")
    expect(said).to_have_text(written.replace("*", ""))
    assert said.locator("*").evaluate_all("all => all.map(one => one.tagName)") == ["STRONG", "A"]


# The log, and how it all looks


def test_the_log_can_be_searched_and_emptied(handset: Handset) -> None:
    handset.open(flow="personalised_offer")
    handset.choose_and_go_on("Mobile phones", "Continue")
    handset.expect_state("OPTIONS")
    filtering, empty = handset.page.get_by_label("Filter the log"), handset.page.locator("#log-empty")

    filtering.fill("virtuvision")
    expect(handset.page.locator("#log > li:visible .log-where")).to_have_text(["PRODUCT_SELECTOR → OPTIONS"])
    filtering.fill("nowhere")
    expect(empty).to_have_text("No line has these words.")
    filtering.fill("")
    handset.page.get_by_role("button", name="Clear").click()
    expect(empty).to_contain_text("Nothing yet.")


def test_the_log_keeps_no_more_than_a_page_can_bear(handset: Handset) -> None:
    handset.open()
    handset.page.locator("#own").get_by_text("Look at any Flow JSON").click()
    example = "head " + "x" * 2_000_000 + " tail"

    for name in ("LONG_A", "LONG_B", "LONG_C"):
        screen = {
            "id": name,
            "data": {"text": {"type": "string", "__example__": example}},
            "layout": {"type": "SingleColumnLayout", "children": []},
        }
        written = json.dumps({"version": "7.3", "screens": [screen]}).encode()
        handset.page.get_by_label("A file").set_input_files(
            {"name": f"{name}.json", "mimeType": "application/json", "buffer": written}
        )
        expect(handset.page.locator("#log .log-where").first).to_have_text(name)
        handset.page.keyboard.press("Escape")

    shown = handset.page.locator("#log > li:visible .log-where")
    handset.page.get_by_label("Filter the log").fill("head xxx")
    expect(shown).to_have_text(["LONG_C", "LONG_B"])
    handset.page.get_by_label("Filter the log").fill("xxx tail")
    expect(shown).to_have_count(0)


def test_the_state_is_shown_again_after_a_look_that_failed(handset: Handset, window: Watched) -> None:
    window.expect_status(502)
    sheet = handset.open(flow="personalised_offer", person="919800000021")
    handset.expect_state("PRODUCT_SELECTOR")
    expect(sheet.locator("[data-screen]")).to_have_attribute("data-screen", "PRODUCT_SELECTOR")
    handset.page.route("**/lab/api/session/**", lambda route: route.fulfill(status=502, body="{}"))
    handset.page.keyboard.press("Escape")
    expect(handset.page.locator("#state")).to_contain_text("refused with 502")

    handset.page.unroute("**/lab/api/session/**")
    handset.page.get_by_label("Message").fill("Hello")
    handset.page.get_by_label("Message").press("Enter")

    handset.expect_state("PRODUCT_SELECTOR")
    expect(handset.page.locator("#state svg")).to_be_visible()


def test_the_hard_cases_stay_where_they_are_when_the_state_is_drawn(handset: Handset) -> None:
    handset.open()
    place = handset.page.locator("#cases")
    before = place.bounding_box()

    open_offer(handset)
    handset.expect_state("PRODUCT_SELECTOR")
    expect(handset.page.locator("#state svg")).to_be_visible()

    assert place.bounding_box() == before


def test_a_flow_is_chosen_that_opens_as_it_is(handset: Handset) -> None:
    handset.open()
    chosen = handset.page.get_by_label("Open a Flow")

    expect(chosen).to_have_value("personalised_offer")
    assert chosen.locator("option").evaluate_all("all => all.map(option => option.value)") == [
        "ndr_resolution",
        "personalised_offer",
        "purchase_interest",
        "repair_visit",
    ]


def test_headings_skip_no_level(handset: Handset) -> None:
    handset.open(flow="personalised_offer")
    handset.expect_state("PRODUCT_SELECTOR")
    handset.page.locator("#log summary").first.click()
    expect(handset.page.get_by_role("heading", name="Request, decrypted")).to_be_visible()

    headings = handset.page.get_by_role("heading")
    levels = headings.evaluate_all("all => all.map(each => Number(each.ariaLevel ?? each.localName.slice(1)))")
    assert levels[0] == 1
    assert all(level <= before + 1 for before, level in pairwise(levels)), levels


def test_a_screen_reader_hears_where_the_session_is_and_not_its_picture(handset: Handset) -> None:
    handset.open(flow="personalised_offer")
    handset.expect_state("PRODUCT_SELECTOR")
    expect(handset.page.locator("#state svg")).to_be_visible()

    assert handset.page.locator("#state [aria-live], #state[aria-live]").all_inner_texts() == [
        "The session is in PRODUCT_SELECTOR"
    ]


def test_a_phone_whose_server_is_away_says_so(handset: Handset, window: Watched) -> None:
    window.expect_status(502)
    handset.page.route("**/lab/api/chat?*", lambda route: route.fulfill(status=502, body="{}"))

    handset.page.goto(f"{handset.lab}/lab/phone")

    expect(handset.page.locator("#standing")).to_have_text("offline")
    expect(handset.page.locator("#chat-empty")).to_contain_text("refused with 502")


def test_the_phone_is_for_everybody(handset: Handset) -> None:
    page = handset.page
    handset.open(person="919800000016")
    look(page, "phone-empty")
    buttons = [
        {"type": "reply", "reply": {"id": name, "title": name}} for name in ("Cancel an order", "Only stop offers")
    ]
    handset.comes("919800000016", type="text", text={"body": "Hello, *The shop* has received your order WS-1016."})
    handset.comes(
        "919800000016",
        type="interactive",
        interactive={"type": "button", "body": {"text": "What would you like?"}, "action": {"buttons": buttons}},
    )
    page.get_by_role("button", name="Only stop offers").click()
    expect(handset.messages).to_have_count(3)
    look(page, "phone-chat", dark=True)
    open_offer(handset)
    handset.expect_state("PRODUCT_SELECTOR")
    page.locator("#log summary").first.click()
    look(page, "phone-flow", dark=True)


def test_each_part_of_the_narrow_page_is_for_everybody(handset: Handset) -> None:
    page = handset.page
    page.set_viewport_size({"width": PHONE, "height": 844})
    handset.open(flow="personalised_offer")
    for part in ("Choose", "Log", "State", "Phone"):
        page.get_by_role("navigation", name="Parts of this page").get_by_role("button", name=part).click()
        page.screenshot(path=pictures() / f"phone-part-{part.lower()}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        assert faults_of(page) == []
    page.set_viewport_size({"width": LAPTOP, "height": 900})


def pictures() -> Path:
    """Return the folder of pictures."""
    folder = Path(os.environ.get("WAYSTATE_PICTURES") or "var/pages")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
