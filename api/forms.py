"""
Forms that pages send: who sends them, from where, and what is in them.

Rule: a form changes something only if it comes from our own page; whether we made it for who sends it is for its door.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from litestar import Request

from api.problems import Refusal
from api.settings import Settings

MAX_FIELDS = 60

Fields = Mapping[str, str]


def check_origin(request: Request[Any, Any, Any], settings: Settings) -> None:
    """
    Refuse what another site lets a browser send.

    Of a page's form browsers say the origin `null` where its policy is `no-referrer`, as ours: then the form's token
    decides.

    Raises:
        Refusal: it is such.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "null")
    if site not in (None, "same-origin") or (origin != "null" and urlsplit(origin).netloc not in settings.hosts):
        raise Refusal(403, "cross_site", "This did not come from our own page, and nothing was recorded.")


async def read_form(request: Request[Any, Any, Any], settings: Settings, longest: int) -> Fields:
    """
    Return a form's fields, each of *longest* characters at most.

    Raises:
        Refusal: it came from elsewhere, or cannot be read.
    """
    check_origin(request, settings)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        raise Refusal(415, "media_type", "This address takes a form.")
    try:
        text = (await request.body()).decode("ascii")
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except ValueError:  # UnicodeDecodeError is one
        raise Refusal(400, "not_a_form", "The form cannot be read.") from None
    if any(len(value) > longest or "\0" in value for value in fields.values()):
        raise Refusal(422, "invalid_content", f"A field has at most {longest} characters.")
    return fields


def client_of(request: Request[Any, Any, Any], settings: Settings) -> str:
    """Return who calls: what our own proxy says, if the call came through one, else the peer."""
    peer = request.client.host if request.client else ""
    said = request.headers.get("x-forwarded-for", "")
    try:
        through_proxy = bool(said) and not settings.development and ip_address(peer).is_private
    except ValueError:
        through_proxy = False
    return said.rpartition(",")[2].strip() if through_proxy else peer
