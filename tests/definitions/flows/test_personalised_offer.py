import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.catalogue import Catalogue
from definitions.flow_calls import Call, Reply
from definitions.flows.personalised_offer.screens import HERE
from engine.model import SECOND, Instance
from tests.builders import NOON
from tests.definitions.documents import FLOWS, read

OFFER = Catalogue.load().flow("personalised_offer")

SHELF = read(HERE / "devices.json")
WORDS = {"0_mobile_phones": "phone", "1_eBook_readers": "reader", "2_cameras": "camera"}
DEVICES = {word: [device for device in SHELF["devices"] if device["kind"] == word] for word in WORDS.values()}


async def walked(*calls: tuple[str, str, Any]) -> list[Reply]:
    """Return the answers to these calls of one phone, one after another."""
    instance: Instance | None = None
    replies = []
    for index, (action, screen, data) in enumerate(calls):
        replies.append(
            await OFFER.answer(Call(f"c-{index}", action, screen, "token-1", data, NOON + index * SECOND), instance)
        )
        instance = replies[-1].instance
    return replies


def choosing(product: str, preferences: dict[str, Any]) -> tuple[tuple[str, str, Any], ...]:
    """Return the calls that lead to the offer."""
    return (
        ("INIT", "", {}),
        ("data_exchange", "PRODUCT_SELECTOR", {"product_selection": product}),
        ("data_exchange", "OPTIONS", {"selected_product": WORDS[product], **preferences}),
    )


def ids(reply: Reply) -> list[str]:
    """Return the ids of the devices on offer."""
    return [device["id"] for device in reply.data["shortlisted_devices"]]


# The whole way


async def test_a_phone_is_found_and_reserved() -> None:
    opened, chosen, offered, detail, done, over = await walked(
        *choosing("0_mobile_phones", {}),
        ("data_exchange", "OFFER", {"device": "0_TechWave_TW14_Pro"}),
        ("data_exchange", "PRODUCT_DETAIL", {"selected_device": "0_TechWave_TW14_Pro"}),
        ("INIT", "", {}),
    )

    assert (opened.screen, [product["id"] for product in opened.data["products"]]) == ("PRODUCT_SELECTOR", [*WORDS])
    assert chosen.screen == "OPTIONS"
    assert {name: chosen.data[name] for name in ("phone_use_case", "selected_product", "cta_label")} == {
        "phone_use_case": True,
        "selected_product": "phone",
        "cta_label": "View phones",
    }
    assert chosen.data["screen_heading"] == "Let's find the perfect phone offer for you"
    assert (offered.screen, offered.data["offer_label"]) == ("OFFER", "Here are 4 shortlisted phones")
    assert ids(offered) == ["0_TechWave_TW14_Pro", "1_Apex_Aura", "2_VirtuVision_VX2", "3_Nova_N1"]
    assert (detail.screen, detail.data["product_name"]) == ("PRODUCT_DETAIL", "TechWave TW14 Pro")
    assert detail.data["selected_device"] == "0_TechWave_TW14_Pro"
    assert base64.b64decode(detail.data["image_src"]) == (HERE / "phone.png").read_bytes()
    assert (done.screen, done.data) == (
        "SUCCESS",
        {"extension_message_response": {"params": {"selected_device": "0_TechWave_TW14_Pro", "flow_token": "token-1"}}},
    )
    assert (over.status, [*over.data]) == (427, ["error_msg"])


@pytest.mark.parametrize(("product", "word"), [("1_eBook_readers", "reader"), ("2_cameras", "camera")])
async def test_only_of_phones_is_asked_what_only_phones_have(product: str, word: str) -> None:
    _, chosen, offered = await walked(*choosing(product, {"phone_use": ["2_Gaming"], "phone_sim": "0_eSim"}))

    assert chosen.data["phone_use_case"] is False
    assert chosen.data["cta_label"] == f"View {word}s"
    assert chosen.data["screen_heading"] == f"Let's find the perfect {word} offer for you"
    assert ids(offered) == [device["id"] for device in DEVICES[word]]


# Preferences


@pytest.mark.parametrize(
    ("preferences", "offered"),
    [
        pytest.param({"brand": "", "phone_use": [], "phone_sim": "", "budget": ""}, [0, 1, 2, 3], id="none, in words"),
        pytest.param({"brand": ["1_Apex", "3_Nova"]}, [1, 3], id="brands"),
        pytest.param({"brand": "1_Apex"}, [1], id="one brand as a text"),
        pytest.param({"phone_use": ["2_Gaming"]}, [1, 2], id="a use"),
        pytest.param({"phone_use": "2_Gaming"}, [1, 2], id="a use as a text"),
        pytest.param({"phone_use": ["2_Gaming", "3_Productivity"]}, [2], id="all uses"),
        pytest.param({"phone_sim": "1_Standard_sim"}, [0, 2, 3], id="a SIM card"),
        pytest.param({"budget": "0_£100_-_£250"}, [3], id="a budget"),
        pytest.param({"budget": "3_Above_£1000"}, [2], id="a budget without an end"),
        pytest.param({"brand": ["0_TechWave"], "budget": "1_£250_-_£500", "phone_sim": "0_eSim"}, [0], id="several"),
    ],
)
async def test_preferences_filter_the_offer(preferences: dict[str, Any], offered: list[int]) -> None:
    reply = (await walked(*choosing("0_mobile_phones", preferences)))[-1]

    assert reply.screen == "OFFER"
    assert ids(reply) == [DEVICES["phone"][index]["id"] for index in offered]
    one = "Here is 1 shortlisted phone"
    assert reply.data["offer_label"] == (one if len(offered) == 1 else f"Here are {len(offered)} shortlisted phones")


@pytest.mark.parametrize(
    "preferences",
    [
        pytest.param({"brand": ["3_Nova"], "phone_use": ["2_Gaming"]}, id="together"),
        pytest.param({"brand": ["9_Nobody"]}, id="an unknown brand"),
        pytest.param({"brand": "00_TechWave"}, id="a text around a brand"),
        pytest.param({"budget": "9_Nothing"}, id="an unknown budget"),
    ],
)
async def test_if_nothing_fits_the_preferences_are_asked_again(preferences: dict[str, Any]) -> None:
    reply = (await walked(*choosing("0_mobile_phones", preferences)))[-1]

    assert (reply.code, reply.screen) == ("refused", "OPTIONS")
    assert reply.data["error_message"] == "No phone fits all of that. Please choose a little less."
    assert len(reply.data["preferred_brands"]) == 4


@pytest.mark.parametrize(
    ("calls", "screen", "message"),
    [
        pytest.param(
            [("INIT", "", {}), ("data_exchange", "PRODUCT_SELECTOR", {"product_selection": "3_boats"})],
            "PRODUCT_SELECTOR",
            "Please choose one of the products.",
            id="a product",
        ),
        pytest.param(
            [*choosing("2_cameras", {"brand": ["0_Lumen"]}), ("data_exchange", "OFFER", {"device": "2_Halden_M5"})],
            "OFFER",
            "Please choose one of the offers.",
            id="a device that is not on the shortlist",
        ),
    ],
)
async def test_what_was_not_on_offer_cannot_be_chosen(
    calls: list[tuple[str, str, Any]], screen: str, message: str
) -> None:
    reply = (await walked(*calls))[-1]

    assert (reply.code, reply.screen, reply.data["error_message"]) == ("refused", screen, message)


def fits(device: dict[str, Any], preferences: dict[str, Any]) -> bool:
    """Return whether a device fits, from the shelf's own file."""
    ranges = {budget["id"]: (budget["from"], budget.get("to", 10**9)) for budget in SHELF["budgets"]}
    least, most = ranges.get(preferences.get("budget", ""), (0, 10**9))
    phone = device["kind"] == "phone"
    return (
        (not preferences.get("brand") or device["brand"] in preferences["brand"])
        and least < device["price"] <= most
        and (not phone or all(use in device["uses"] for use in preferences.get("phone_use", [])))
        and (not phone or not preferences.get("phone_sim") or preferences["phone_sim"] in device["sims"])
    )


@st.composite
def choices(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Return a product and any preferences that its screen offers."""

    def some(name: str) -> st.SearchStrategy[list[str]]:
        return st.lists(st.sampled_from([choice["id"] for choice in SHELF[name]]), unique=True, max_size=2)

    def one(name: str) -> st.SearchStrategy[str]:
        return st.sampled_from(["", *(choice["id"] for choice in SHELF[name])])

    product = draw(st.sampled_from([*WORDS]))
    brands = st.sampled_from([brand["id"] for brand in SHELF["brands"][WORDS[product]]])
    given = {
        "brand": draw(st.lists(brands, unique=True)),
        "phone_use": draw(some("uses")),
        "phone_sim": draw(one("sims")),
        "budget": draw(one("budgets")),
    }
    return product, {name: given[name] for name in draw(st.sets(st.sampled_from([*given])))}


@settings(max_examples=150, deadline=None)
@given(choice=choices())
async def test_the_offer_is_what_fits_the_preferences_and_each_of_it_can_be_reserved(
    choice: tuple[str, dict[str, Any]],
) -> None:
    product, preferences = choice
    fitting = [device for device in DEVICES[WORDS[product]] if fits(device, preferences)]

    replies = await walked(*choosing(product, preferences))

    if not fitting:
        assert (replies[-1].code, replies[-1].screen) == ("refused", "OPTIONS")
        return
    assert ids(replies[-1]) == [device["id"] for device in fitting]
    for device in fitting:
        *_, detail, done = await walked(
            *choosing(product, preferences),
            ("data_exchange", "OFFER", {"device": device["id"]}),
            ("data_exchange", "PRODUCT_DETAIL", {"selected_device": device["id"]}),
        )
        assert detail.data["product_properties"] == device["properties"]
        assert [detail.data["detail_1"], detail.data["detail_2"]] == device["details"]
        assert base64.b64decode(detail.data["image_src"])
        assert done.data["extension_message_response"]["params"]["selected_device"] == device["id"]


# The shelf


@pytest.mark.parametrize("word", DEVICES)
def test_what_can_be_chosen_by_is_what_the_devices_have(word: str) -> None:
    brands = {brand["id"] for brand in SHELF["brands"][word]}
    uses = {use["id"] for use in SHELF["uses"]}
    sims = {sim["id"] for sim in SHELF["sims"]}

    assert {device["brand"] for device in DEVICES[word]} == brands
    assert {use for device in DEVICES[word] for use in device.get("uses", [])} <= uses
    assert {sim for device in DEVICES[word] for sim in device.get("sims", [])} <= sims
    assert len({device["id"] for device in SHELF["devices"]}) == len(SHELF["devices"])


def test_a_detail_names_the_price_that_the_budget_is_held_against() -> None:
    assert [device["properties"].split("・")[0] for device in SHELF["devices"]] == [
        f"£{device['price']}" for device in SHELF["devices"]
    ]


def test_payloads_carry_what_the_logic_reads() -> None:
    document = read(FLOWS["personalised_offer"])
    payloads = {
        screen["id"]: set(component["on-click-action"]["payload"])
        for screen in document["screens"]
        for component in screen["layout"]["children"][0]["children"]
        if component["type"] == "Footer"
    }

    assert payloads == {
        "PRODUCT_SELECTOR": {"product_selection"},
        "OPTIONS": {"selected_product", "brand", "phone_use", "phone_sim", "budget"},
        "OFFER": {"device"},
        "PRODUCT_DETAIL": {"selected_device"},
    }
