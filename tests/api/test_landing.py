"""The landing page and its stylesheet: no script, nothing from elsewhere, every value escaped."""

import re
from html.parser import HTMLParser

import pytest

from api.pages import render_page
from api.views import DefinitionView
from tests.api.conftest import Serve
from tests.api.serving import Server
from tests.api.speaking import ask

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Page(HTMLParser):
    """A page's links and words; it must be well-formed."""

    VOID = ("meta", "link", "br", "!doctype")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words = ""
        self.tags: set[str] = set()
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and where it leads."""
        self.tags.add(tag)
        given = dict(attrs)
        self.links += [value for name in ("href", "src") if (value := given.get(name))]
        assert not {name for name in given if name.startswith("on") or name == "style"}
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note words."""
        self.words += data


def test_transitions_are_counted_as_the_console_counts_them(office: Server) -> None:
    said = ask(office, "GET", "/").body.decode()
    definition = office.parts.catalogue.interpreter("shipment").definition
    written = sum(not arrow.implied for arrow in definition.transitions)

    assert '<th class="number">Transitions</th>' in said
    row = said.partition("<code>shipment</code>")[2].partition("</tr>")[0]
    assert re.findall(r'<td class="number">(\d+)</td>', row) == [str(len(definition.states)), str(written)]


@pytest.mark.parametrize("path", ["/", "/schema"])
def test_a_page_is_made_of_our_own_alone_and_its_links_lead_somewhere(office: Server, path: str) -> None:
    heard = ask(office, "GET", path)
    page = Page(heard.body.decode())

    assert (heard.status, heard.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not page.tags & {"script", "style", "img", "iframe", "form"}
    assert page.links
    for link in page.links:
        assert re.fullmatch(r"/[a-z./]*(\?v=[0-9a-f]{10})?", link)
        assert ask(office, "GET", link).status == 200


@pytest.mark.parametrize("path", ["/", "/schema", "/schema/openapi.json", "/health/live", "/nothing", "/metrics"])
def test_every_answer_has_the_headers_that_guard_it(office: Server, path: str) -> None:
    headers = ask(office, "GET", path).headers
    guarding = ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control")
    assert [headers[name] for name in guarding] == [CSP, "nosniff", "no-referrer", "no-store"]
    assert re.fullmatch("[0-9a-f]{16}", headers["x-request-id"])
    assert "server" not in headers


def test_the_stylesheet_may_be_kept(office: Server) -> None:
    heard = ask(office, "GET", "/assets/site.css")
    assert (heard.headers["content-type"], heard.headers["cache-control"]) == (
        "text/css; charset=utf-8",
        "max-age=3600",
    )
    assert b"url(" not in heard.body


def test_the_page_lists_what_runs_and_tells_a_newcomer_what_to_try(office: Server) -> None:
    words = Page(ask(office, "GET", "/").body.decode()).words
    for interpreter in office.parts.catalogue:
        assert interpreter.definition.name in words
        assert interpreter.definition.version in words
    assert "python -m lab walk personalised_offer" in words


def test_in_production_nobody_is_told_of_a_lab(serve: Serve) -> None:
    heard = ask(serve(env="production", public_url="https://orders.example"), "GET", "/")
    page = Page(heard.body.decode())
    assert heard.status == 200
    assert "What runs here" in page.words
    assert "lab" not in page.words.split()
    assert "Try it" not in page.words


def test_whatever_a_definition_is_called_is_only_text() -> None:
    hostile = "<script>alert('x')</script>\"&"
    definition = DefinitionView(hostile, "flow", hostile, hostile, 1, 1, ())
    page = render_page("landing.html", definitions=[definition], development=True, tour=None).decode()
    assert "<script" not in page
    assert Page(page).words.count(hostile) == 3
