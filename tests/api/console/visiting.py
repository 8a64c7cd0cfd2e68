"""Staff at the console, without a browser: they sign in, read pages, and send forms as browsers do."""

import re
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.api.serving import Server
from tests.api.speaking import Heard, ask

FORM = "application/x-www-form-urlencoded"


BLOCKS = {"dd", "div", "dt", "h1", "h2", "h3", "li", "p", "td", "th"}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.inside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        self.inside += tag == "main"

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag == "main"
        self.text += [" "] * (tag in BLOCKS)

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.text.append(data)


def text_of(page: Heard) -> str:
    """Return what a page says, its spaces as they are seen."""
    reader = _Page()
    reader.feed(page.body.decode())
    return " ".join("".join(reader.text).split())


class Visit:
    """Somebody of staff who is signed in with a *token*, the first administrator's if none is given."""

    def __init__(self, server: Server, token: str = "") -> None:
        self.server = server
        self.token = token or server.world.admin_token
        signed_in = self.send("/admin/sign-in", {"token": self.token}, cookie="")
        assert signed_in.status == 303, signed_in.status
        self.cookie = signed_in.headers["set-cookie"].partition(";")[0]
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/admin").body.decode())
        assert found
        self.csrf = found[1]

    def get(self, path: str, **headers: str) -> Heard:
        """Open a page."""
        return ask(self.server, "GET", path, headers={"Cookie": self.cookie, **headers})

    def post(self, path: str, **fields: str) -> Heard:
        """Send a form of ours."""
        return self.send(path, {"csrf": self.csrf, **fields}, cookie=self.cookie)

    def send(self, path: str, fields: dict[str, str], *, cookie: str, **headers: str) -> Heard:
        """Send fields as they are, under a cookie."""
        given = {"Content-Type": FORM, "Sec-Fetch-Site": "same-origin", "Origin": "null", **headers}
        self.server.clock.move(1)  # what is done one after the other is not done at once
        if cookie:
            given["Cookie"] = cookie
        return ask(self.server, "POST", path, body=urlencode(fields).encode(), headers=given)

    def engage(self, name: str, role: str) -> "Visit":
        """Let somebody in, and have them sign in."""
        return Visit(self.server, self.token_for(name, role))

    def token_for(self, name: str, role: str) -> str:
        """Let somebody in and return their token."""
        shown = self.post("/admin/staff", name=name, role=role, reason="to help")
        found = re.search(r'<code class="token">([^<]+)</code>', shown.body.decode())
        assert found, shown.status
        return found[1]

    def log(self, limit: int = 100) -> list[tuple[str, str, str, str]]:
        """Return what the audit log has: who did what to what, and why, the newest first."""
        found = self.server.run(lambda: self.server.parts.queries.audit("", "", "", limit))
        return [(item.who, item.action, item.subject, item.reason) for item in found]
