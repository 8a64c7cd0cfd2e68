"""The landing page, and what all pages load."""

from pathlib import PurePath
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.pages import ASSET_TYPES, asset, render_page
from api.problems import Refusal
from api.settings import Settings
from api.views import definition_view
from definitions.catalogue import Catalogue


@get("/", media_type=MediaType.HTML, include_in_schema=False)
async def landing(catalogue: NamedDependency[Catalogue], settings: NamedDependency[Settings]) -> Response[bytes]:
    """Say what this is, and what runs here."""
    definitions = [
        definition_view(document, catalogue.interpreter(document.name).definition)
        for document in catalogue.documents.values()
    ]
    return Response(
        render_page("landing.html", definitions=definitions, development=settings.development),
        media_type=MediaType.HTML,
    )


@get("/assets/{name:str}", include_in_schema=False)
async def read_asset(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return a stylesheet, a script or a picture of the pages."""
    content = asset(name)
    if content is None:
        raise Refusal(404, "not_found", "There is no such asset.")
    kept = "max-age=31536000, immutable" if "v" in request.query_params else "max-age=3600"
    return Response(content, media_type=ASSET_TYPES[PurePath(name).suffix], headers={"Cache-Control": kept})
