"""`python -m lab`, as somebody uses it who tries Waystate for the first time."""

import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bench.servers import without_settings
from lab.stories import offer
from tests.acceptance.shop import Shop
from tests.cli.shell import Said, Shell

SECONDS = 60
NOWHERE = "http://127.0.0.1:9"
"""Where nobody listens: the port is that of a service long gone."""

STORIES = ("walk personalised_offer", "walk purchase_interest", "order", "sample", "welcome")

ENDS = {
    "walk personalised_offer": {"personalised_offer": "completed"},
    "walk purchase_interest": {"purchase_interest": "completed"},
    "order": {"order": "delivered", "shipment": "forward.delivered", "ndr_case": "closed.resolved_delivered"},
    "sample": {"order": "delivery_failed"},
    "welcome": {"order": "shipped"},
}
"""Where the sessions of each story stand in the end."""

TOLD = {
    "walk personalised_offer": [
        "opens the form 200 PRODUCT_SELECTOR",
        "chooses mobile phones 200 OPTIONS",
        "wants up to £500 200 OFFER",
        "chooses the first 200 PRODUCT_DETAIL",
        "reserves it 200 SUCCESS",
        "opens the form again 427 You have already sent this form",
        "that form is at its end, as it should be",
    ],
    "walk purchase_interest": [
        "a session is minted: ",
        "the completed form comes by webhook: 200",
        "the session is completed",
    ],
    "order": [
        "the merchant puts order ",
        "the courier reports failed_delivery of ",
        "the courier reports packed of ",
        "the courier reports out_for_delivery of ",
        "the portal reads: failed_delivery; the customer can choose ACTF001, ACTF002, ACTF003, ACTF004",
        "the customer subscribes to updates: updated successfully",
        "the customer wants another attempt: unsettled.resolution_submitted",
        "the courier reports out_for_delivery of ",
        "the courier reports delivered of ",
        "the portal reads: delivered; the customer can choose nothing",
    ],
    "sample": [
        "the merchant puts order 55100001: delivery_failed",
        "the portal reads: failed_delivery; the customer can choose ACTF001, ACTF002, ACTF003, ACTF004",
    ],
    "welcome": [
        "the merchant puts order 55100001: delivery_failed",
        "the portal reads: failed_delivery; the customer can choose ACTF001, ACTF002, ACTF003, ACTF004",
        "the merchant puts order 55100002: shipped",
        "the portal reads: intransit; the customer can choose nothing",
        "the customer subscribes to updates: updated successfully",
    ],
}
"""What each story tells, line by line, as far as it is the same each time."""


def lab(folder: Path, story: str, **settings: str) -> Said:
    """Ask the lab for a story, in *folder*, on a machine whose way into the internet is a proxy that is away."""
    environment = {f"WAYSTATE_{name}": value for name, value in settings.items()}
    ended = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "lab", *story.split()],
        cwd=folder,
        env={**without_settings(os.environ), "http_proxy": NOWHERE, "no_proxy": "", **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize("story", STORIES)
def test_a_story_ends_well_and_says_where_to_look(shop: Shop, story: str) -> None:
    said = lab(shop.folder, story, PUBLIC_URL=shop.world.url)

    assert (said.code, said.err) == (0, "")
    told, _, shown = said.out.partition("\n\n")
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert [line[: len(beginning)] for line, beginning in zip(lines, TOLD[story], strict=True)] == TOLD[story]
    sessions = [shlex.split(line.partition("waystate sessions show ")[2]) for line in shown.splitlines()]
    assert {definition: shop.state(definition, key) for definition, key in sessions} == ENDS[story]


def test_the_sample_order_can_be_put_again(shop: Shop) -> None:
    assert lab(shop.folder, "sample", PUBLIC_URL=shop.world.url) == lab(
        shop.folder, "sample", PUBLIC_URL=shop.world.url
    )


def test_what_is_said_to_show_a_session_works_whatever_its_key_is(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offer(shop.world, "--json")

    command = shlex.split(capsys.readouterr().out.partition("The session: .venv/bin/waystate ")[2])
    with shop.at_home():
        said = Shell(shop.folder, PUBLIC_URL=shop.world.url).call(*command)
    assert (said.code, said.out.splitlines()[:2]) == (0, ["personalised_offer --json", "state    completed"])


# What goes wrong


@pytest.mark.parametrize("story", STORIES)
def test_without_a_server_a_story_says_how_to_start_one(tmp_path: Path, story: str) -> None:
    assert lab(tmp_path, story, PUBLIC_URL=NOWHERE) == Said(
        1,
        err=f"lab: no server answers at {NOWHERE} (ConnectError); "
        "start it with `python3 dev.py run`, or set WAYSTATE_PUBLIC_URL\n",
    )


class Stranger(BaseHTTPRequestHandler):
    """A server that is not ours."""

    def do_GET(self) -> None:
        """Answer with a page."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<h1>Welcome</h1>")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def stranger() -> Iterator[str]:
    """Return the address of a server that is not ours."""
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_another_server_in_the_place_of_ours_is_told(tmp_path: Path, stranger: str) -> None:
    assert lab(tmp_path, "order", PUBLIC_URL=stranger) == Said(
        1, err=f"lab: what answers at {stranger} is no Waystate; set WAYSTATE_PUBLIC_URL\n"
    )


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    said = lab(tmp_path, "order", PUBLIC_URL="localhost:8000")

    assert (said.code, said.out) == (1, "")
    assert re.fullmatch(r"lab: no server answers at localhost:8000 \(\w+\); start it with .*\n", said.err)


@pytest.mark.parametrize(
    ("story", "settings", "complaint"),
    [
        ("walk personalised_offer", {"APP_SECRET": "another"}, "that should have been 200; the app secret here is not"),
        ("walk purchase_interest", {"APP_SECRET": "another"}, "that should have been 200; the app secret here is not"),
        ("walk purchase_interest", {"ADMIN_TOKEN": "another"}, "401; unauthorized; "),
        ("order", {"PORTAL_TOKEN": "another"}, "401; unauthorized; "),
        ("order", {"COURIER_SECRETS": "generic=another"}, "401; "),
        ("sample", {"PORTAL_TOKEN": "another"}, "401; unauthorized; "),
    ],
)
def test_a_secret_that_is_not_the_servers_is_told_for_what_it_is(
    shop: Shop, story: str, settings: dict[str, str], complaint: str
) -> None:
    said = lab(shop.folder, story, PUBLIC_URL=shop.world.url, **settings)

    assert said.code == 1
    last = (said.err or said.out).splitlines()[-1]
    assert complaint in last
    assert "be in the server's folder" in last


def test_a_token_that_cannot_be_sent_is_told(shop: Shop) -> None:
    said = lab(shop.folder, "sample", PUBLIC_URL=shop.world.url, PORTAL_TOKEN="Schlüssel")  # noqa: S106 - nobody has it

    assert said == Said(1, err="lab: a token or key here has letters that no header can have; check its setting\n")


def test_a_walk_from_elsewhere_misses_the_servers_key(shop: Shop, tmp_path: Path) -> None:
    said = lab(tmp_path, "walk personalised_offer", PUBLIC_URL=shop.world.url)

    fix = "be in the server's folder, or set WAYSTATE_PRIVATE_KEY_FILE"
    assert said == Said(1, err=f"lab: no key of the server is here: {fix}\n")


def test_the_lab_lists_its_stories(tmp_path: Path) -> None:
    asked, wrong, bare = (lab(tmp_path, words) for words in ("--help", "walk alone", ""))

    assert (asked.code, asked.err) == (0, "")
    assert re.findall(r"(?m)^  (\S+(?: \S+)?)  ", asked.out) == [*STORIES]
    assert wrong == bare == Said(2, err=asked.out)
