"""The landing page, and what all pages load."""

from pathlib import PurePath
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct
from msgspec.structs import replace

from api.aliases import country_of
from api.order_book import person_of
from api.pages import ASSET_TYPES, asset, render_page
from api.problems import Refusal
from api.settings import Settings
from api.shopper import ShopperDesk
from api.shopper_pages import Door
from api.views import declared, definition_view
from definitions.catalogue import Catalogue
from definitions.orders.rows import Account
from definitions.people.phones import normal_phone
from engine.ports import Store
from storage.queries import Queries


class Tour(Struct, frozen=True):
    """What the tour of the lab leads to: the console, an order's page, and the chat of that order's customer."""

    admin_token: str
    tracking: str = ""
    customer: str = ""


async def tour(
    lab: NamedDependency[bool],
    settings: NamedDependency[Settings],
    queries: NamedDependency[Queries],
    shopper: NamedDependency[ShopperDesk],
    door: NamedDependency[Door],
    store: NamedDependency[Store],
) -> Tour | None:
    """
    Return where the tour of the lab leads, None where there is no lab.

    It shows an order to whoever comes and signs them in, which only the lab may do: it is for one's own machine, and
    holds every secret of the server anyway.
    """
    if not lab:
        return None
    newest = await queries.sessions("order", "", "", None, 1)
    document = await shopper.document(newest[0].key) if newest else None
    if document is None:
        return Tour(settings.admin_token)
    (account,) = await store.find(Account, account_id=document.account_id)
    customer = person_of(msgspec.json.decode(document.document))
    return Tour(
        settings.admin_token,
        tracking=door.keys.link(document.order_id, shopper.now()),
        customer=normal_phone(customer.phone, country_of(account)),
    )


@get("/", media_type=MediaType.HTML, include_in_schema=False)
async def landing(
    catalogue: NamedDependency[Catalogue],
    settings: NamedDependency[Settings],
    tour: NamedDependency[Tour | None],
) -> Response[bytes]:
    """Say what this is, what there is to try, and what runs here."""
    running = [(document, catalogue.interpreter(document.name).definition) for document in catalogue.documents.values()]
    definitions = [replace(definition_view(*each), transitions=declared(each[1])) for each in running]
    return Response(
        render_page("landing.html", definitions=definitions, development=settings.development, tour=tour),
        media_type=MediaType.HTML,
    )


@get("/favicon.ico", include_in_schema=False)
async def icon() -> Response[bytes]:
    """Return the icon that browsers ask for of themselves."""
    headers = {"Cache-Control": "max-age=86400"}
    return Response(asset("icon.svg") or b"", media_type=ASSET_TYPES[".svg"], headers=headers)


@get("/assets/{name:str}", include_in_schema=False)
async def read_asset(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return a stylesheet, a script or a picture of the pages."""
    content = asset(name)
    if content is None:
        raise Refusal(404, "not_found", "There is no such asset.")
    kept = "max-age=31536000, immutable" if "v" in request.query_params else "max-age=3600"
    return Response(content, media_type=ASSET_TYPES[PurePath(name).suffix], headers={"Cache-Control": kept})
