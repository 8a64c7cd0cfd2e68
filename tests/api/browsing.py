"""A browser without script, as far as pages need one: cookies, forms, redirects. It asks as browsers ask."""

from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct, field

from tests.api.speaking import Heard, Server, ask

FORM = "application/x-www-form-urlencoded"


class Form(Struct):
    """A form of a page: where it goes, and its fields with what they hold."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert given["method"] == "post"
            self.forms.append(Form(given["action"]))
        elif tag == "input":
            self.forms[-1].inputs[given["name"]] = given
            if given.get("type") != "checkbox":
                self.forms[-1].fields[given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def forms_of(page: Heard) -> list[Form]:
    """Return the forms of a page."""
    return _read(page).forms


def text_of(page: Heard) -> str:
    """Return what a page says, its spaces as they are seen."""
    return " ".join("".join(_read(page).text).split())


def _read(page: Heard) -> _Reader:
    assert page.headers["content-type"].startswith("text/html"), page.headers
    reader = _Reader()
    reader.feed(page.body.decode())
    return reader


class Browser:
    """One shopper's browser; *headers* go with every call that changes something."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}
        self.headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}

    def get(self, path: str, **headers: str) -> Heard:
        """Open an address."""
        return self._ask("GET", path, None, headers)

    def send(self, form: Form, **filled: str) -> Heard:
        """Send a form with these fields filled in."""
        return self.post(form.action, {**form.fields, **filled})

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Heard:
        """Post fields to an address."""
        return self._ask("POST", path, urlencode(fields).encode(), {"Content-Type": FORM, **self.headers, **headers})

    def follow(self, page: Heard) -> Heard:
        """Go where an answer sends browsers."""
        assert page.status == 303, page.body
        return self.get(page.headers["location"])

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, Any]) -> Heard:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        heard = ask(
            self.server, method, path, body=body, headers={**headers, **({"Cookie": cookies} if cookies else {})}
        )
        given = SimpleCookie(heard.headers.get("set-cookie", ""))
        self.cookies |= {name: morsel.value for name, morsel in given.items()}
        return heard
