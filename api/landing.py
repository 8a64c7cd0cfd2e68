"""The landing page and its stylesheet."""

from litestar import MediaType, Response, get
from litestar.di import NamedDependency

from api.pages import render_page, stylesheet
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


@get("/assets/site.css", include_in_schema=False)
async def site_css() -> Response[bytes]:
    """Return the pages' stylesheet."""
    return Response(stylesheet(), media_type=MediaType.CSS, headers={"Cache-Control": "max-age=3600"})
