"""The running server, as the command line asks it."""

from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import click
import httpx2
import msgspec

from api.settings import LOOPBACK, PREFIX, Settings

SECONDS = 10

View = TypeVar("View")


class Server:
    """The admin API of the server that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._base = f"{settings.base_url}/admin/api/v1/"
        # What the environment says of proxies is for servers elsewhere.
        self._is_here = urlsplit(settings.base_url).hostname in LOOPBACK
        self._headers = {"Authorization": f"Bearer {settings.admin_token}"} if settings.admin_token else {}

    def get(self, kind: type[View], *path: str, **query: str) -> View:
        """Return what an address answers, as a *kind*."""
        given = {name: value for name, value in query.items() if value}
        return _decoded(self._ask("GET", path, params=given), kind)

    def content(self, *path: str, **asked: str) -> bytes:
        """Return what an address answers, as it came; *asked* is the query."""
        return self._ask("GET", path, params=asked).content

    def post(self, kind: type[View], *path: str, content: Any) -> View:
        """Send *content* to an address and return what it answers, as a *kind*."""
        return _decoded(self._ask("POST", path, json=content), kind)

    def _ask(self, method: str, path: tuple[str, ...], **options: Any) -> httpx2.Response:
        url = self._base + "/".join(quote(part, safe="") for part in path)
        try:
            response = httpx2.request(
                method, url, headers=self._headers, timeout=SECONDS, trust_env=not self._is_here, **options
            )
        except httpx2.HTTPError as error:
            fix = f"start it with `waystate serve`, or set {PREFIX}PUBLIC_URL"
            raise click.ClickException(f"no server answers at {self._base} ({type(error).__name__}); {fix}") from None
        if response.status_code == httpx2.codes.UNAUTHORIZED:
            raise click.ClickException(f"the server does not know the token; set {PREFIX}ADMIN_TOKEN")
        if not response.is_success:
            raise click.ClickException(_problem(response))
        return response


def _decoded(response: httpx2.Response, kind: type[View]) -> View:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except ValueError:  # msgspec's errors are such
        raise click.ClickException(f"what answers at {response.url} is no Waystate") from None


def _problem(response: httpx2.Response) -> str:
    """Return what a problem document says, on one line."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return f"the server answered {response.status_code}"
    parts = [document.get("code", str(response.status_code)), document.get("detail", "")]
    if document.get("allowed") is not None:
        parts.append(f"{document.get('from')} takes: {', '.join(document['allowed']) or 'nothing'}")
    parts += [f"{error['pointer']} {error['message']}" for error in document.get("errors", [])]
    return "; ".join(part for part in parts if part)
