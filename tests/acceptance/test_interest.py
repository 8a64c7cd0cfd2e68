"""The form without an endpoint: minted by staff, filled in unseen, completed by the message that it sends."""

from tests.acceptance.shop import Shop
from tests.api.speaking import PHONE, a_call, a_completion, a_minted_session, deliver, messages

FLOW = "purchase_interest"
FORM = {"name": "Asha Rao", "email": "asha@example.com", "tos_optin": True, "categories": ["cameras"]}


def test_a_form_without_an_endpoint_is_minted_and_completed_by_its_message(shop: Shop) -> None:
    token = a_minted_session(shop, FLOW, PHONE)
    assert shop.walked(FLOW, token) == [("minted", "not_opened", "not_opened")]

    completed = a_call(messages(a_completion({"flow_token": token, **FORM})))
    for _ in ("as it came", "repeated"):
        assert deliver(shop, completed).status == 200
        assert shop.walked(FLOW, token) == [
            ("minted", "not_opened", "not_opened"),
            ("navigate", "not_opened", "JOIN_NOW"),
            ("navigate", "JOIN_NOW", "CATEGORIES"),
            ("complete", "CATEGORIES", "completed"),
        ]
        assert shop.context(FLOW, token).items() >= {"recipient": PHONE, "response": FORM}.items()
