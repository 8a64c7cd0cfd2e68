"""The logic of the personalised offer: a product, preferences, a shortlist that fits them, one offer to reserve."""

import base64
from pathlib import Path
from typing import Any, Literal, TypedDict

import msgspec
from msgspec import Struct, field

from definitions.screens import Refused, Screens, Session, Success

HERE = Path(__file__).parent


class Option(TypedDict):
    """Something to choose, as a screen lists it."""

    id: str
    title: str


class Choice(Struct, frozen=True):
    """Something to choose by."""

    id: str
    title: str


class Kind(Struct, frozen=True):
    """A kind of product; *word* is what one of it is called."""

    id: str
    title: str
    word: str
    picture: str


class Budget(Struct, frozen=True):
    """A range of prices in pounds; the upper end belongs to the range."""

    id: str
    title: str
    above: int = field(name="from")
    up_to: int | None = field(name="to", default=None)

    def holds(self, price: int) -> bool:
        """Return whether *price* is within."""
        return price > self.above and (self.up_to is None or price <= self.up_to)


class Device(Struct, frozen=True):
    """Something on offer; only phones have uses and SIM cards."""

    id: str
    title: str
    kind: str
    brand: str
    price: int
    properties: str
    details: tuple[str, str]
    uses: tuple[str, ...] = ()
    sims: tuple[str, ...] = ()


class Catalogue(Struct, frozen=True):
    """All there is to offer, and what it can be chosen by."""

    kinds: tuple[Kind, ...]
    brands: dict[str, list[Option]]
    uses: tuple[Choice, ...]
    sims: tuple[Choice, ...]
    budgets: tuple[Budget, ...]
    devices: tuple[Device, ...]


CATALOGUE = msgspec.json.decode((HERE / "devices.json").read_bytes(), type=Catalogue)
KINDS = {kind.id: kind for kind in CATALOGUE.kinds}
BUDGETS = {budget.id: budget for budget in CATALOGUE.budgets}
DEVICES = {device.id: device for device in CATALOGUE.devices}
PRODUCTS, USES, SIMS, BUDGET_OPTIONS = (
    [Option(id=choice.id, title=choice.title) for choice in choices]
    for choices in (CATALOGUE.kinds, CATALOGUE.uses, CATALOGUE.sims, CATALOGUE.budgets)
)
PICTURES = {kind.word: base64.b64encode((HERE / kind.picture).read_bytes()).decode() for kind in CATALOGUE.kinds}

screens = Screens()


class ProductForm(Struct):
    """PRODUCT_SELECTOR: the kind of product."""

    product_selection: str


class ProductData(TypedDict):
    """PRODUCT_SELECTOR: the kinds of products."""

    products: list[Option]


class PreferencesForm(Struct):
    """OPTIONS: what is preferred. Nothing, an empty text and an empty list all mean no preference."""

    brand: list[str] | str = ""
    phone_use: list[str] | str = ""
    phone_sim: str = ""
    budget: str = ""


class PreferencesData(TypedDict):
    """OPTIONS: what can be preferred, in words for the kind of product."""

    selected_product: str
    cta_label: str
    screen_heading: str
    phone_use_case: bool
    preferred_brands: list[Option]
    phone_uses: list[Option]
    phone_sim: list[Option]
    preferred_budget: list[Option]


class OfferForm(Struct):
    """OFFER: one device of the shortlist."""

    device: str


class OfferData(TypedDict):
    """OFFER: the shortlist."""

    selected_product: str
    offer_label: str
    shortlisted_devices: list[Option]


class DeviceData(TypedDict):
    """PRODUCT_DETAIL: the chosen device."""

    selected_device: str
    image_src: str
    product_name: str
    product_properties: str
    detail_1: str
    detail_2: str


@screens.show("PRODUCT_SELECTOR")
def show_products(session: Session) -> ProductData:  # noqa: ARG001 - every screen is shown the same way
    """List the kinds of products."""
    return {"products": PRODUCTS}


@screens.submit("PRODUCT_SELECTOR")
def choose_product(session: Session, form: ProductForm) -> Literal["OPTIONS"]:  # noqa: ARG001
    """Go on to the preferences."""
    if form.product_selection not in KINDS:
        raise Refused("Please choose one of the products.")
    return "OPTIONS"


@screens.show("OPTIONS")
def show_preferences(session: Session) -> PreferencesData:
    """Ask for preferences; those about phones only for phones."""
    kind = _kind(session)
    return {
        "selected_product": kind.word,
        "cta_label": f"View {kind.word}s",
        "screen_heading": f"Let's find the perfect {kind.word} offer for you",
        "phone_use_case": kind.word == "phone",
        "preferred_brands": CATALOGUE.brands[kind.word],
        "phone_uses": USES,
        "phone_sim": SIMS,
        "preferred_budget": BUDGET_OPTIONS,
    }


@screens.submit("OPTIONS")
def state_preferences(session: Session, form: PreferencesForm) -> Literal["OFFER"]:
    """Go on to the shortlist, unless nothing fits."""
    kind = _kind(session)
    if not _shortlist(kind, form):
        raise Refused(f"No {kind.word} fits all of that. Please choose a little less.")
    return "OFFER"


@screens.show("OFFER")
def show_offer(session: Session) -> OfferData:
    """List the devices that fit the preferences."""
    kind = _kind(session)
    shortlist = _shortlist(kind, session.form("OPTIONS", PreferencesForm))
    count = len(shortlist)
    label = f"Here is 1 shortlisted {kind.word}" if count == 1 else f"Here are {count} shortlisted {kind.word}s"
    return {
        "selected_product": kind.word,
        "offer_label": label,
        "shortlisted_devices": [{"id": device.id, "title": device.title} for device in shortlist],
    }


@screens.submit("OFFER")
def choose_device(session: Session, form: OfferForm) -> Literal["PRODUCT_DETAIL"]:
    """Go on to the device's details."""
    shortlist = _shortlist(_kind(session), session.form("OPTIONS", PreferencesForm))
    if form.device not in {device.id for device in shortlist}:
        raise Refused("Please choose one of the offers.")
    return "PRODUCT_DETAIL"


@screens.show("PRODUCT_DETAIL")
def show_device(session: Session) -> DeviceData:
    """Show the device with its picture."""
    device = DEVICES[session.form("OFFER", OfferForm).device]
    return {
        "selected_device": device.id,
        "image_src": PICTURES[device.kind],
        "product_name": device.title,
        "product_properties": device.properties,
        "detail_1": device.details[0],
        "detail_2": device.details[1],
    }


@screens.submit("PRODUCT_DETAIL")
def reserve(session: Session, form: dict[str, Any]) -> Success:  # noqa: ARG001 - the session knows which device it is
    """End the flow with the device that was chosen."""
    return Success({"selected_device": session.form("OFFER", OfferForm).device})


def _kind(session: Session) -> Kind:
    return KINDS[session.form("PRODUCT_SELECTOR", ProductForm).product_selection]


def _shortlist(kind: Kind, preferences: PreferencesForm) -> list[Device]:
    """Return the devices of a kind that fit every preference. What is asked of phones only counts for phones."""
    devices = [device for device in CATALOGUE.devices if device.kind == kind.word]
    brands, uses = _several(preferences.brand), _several(preferences.phone_use)
    if brands:
        devices = [device for device in devices if device.brand in brands]
    if preferences.budget:
        budget = BUDGETS.get(preferences.budget)
        devices = [device for device in devices if budget and budget.holds(device.price)]
    if kind.word == "phone" and uses:
        devices = [device for device in devices if uses <= set(device.uses)]
    if kind.word == "phone" and preferences.phone_sim:
        devices = [device for device in devices if preferences.phone_sim in device.sims]
    return devices


def _several(chosen: list[str] | str) -> set[str]:
    """Return what was chosen of several: a phone sends a list or, where nothing was, an empty text."""
    return set([chosen] if isinstance(chosen, str) else chosen) - {""}
