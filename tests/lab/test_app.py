"""The lab's gate, its life, and the two ways in which it is served: beside its server, and on its own."""

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.cli.exits import BAD_CONFIGURATION
from bench.servers import WAYSTATE
from bench.servers import Server as Program
from lab.app import Lab
from lab.postman import ATTEMPTS, Postman
from lab.trial import Server, waited
from lab.world import Unable, World
from tests.cli.shell import SECONDS, Said, Shell

NOWHERE = World("http://127.0.0.1:9", "secret", "admin", "portal", "key", "")
"""A world in which no server answers."""


def get(server: Server, path: str, **headers: str) -> httpx2.Response:
    return httpx2.get(f"{server.url}{path}", headers=headers, trust_env=False)


# The gate


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/lab/normal", "/lab/api/read", "/lab/graph/v25.0/1/messages"])
def test_what_another_sites_page_sends_is_refused(waystate_server: Server, headers: dict[str, str], path: str) -> None:
    answer = httpx2.post(f"{waystate_server.url}{path}", headers=headers, trust_env=False)

    assert (answer.status_code, answer.text) == (403, "Another site's page may not do that.")


def test_what_its_own_page_sends_is_taken(waystate_server: Server) -> None:
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}

    assert httpx2.post(f"{waystate_server.url}/lab/normal", headers=headers, trust_env=False).status_code == 303


@pytest.mark.parametrize("path", ["/lab", "/lab/api/faults", "/lab/graph/1", "/lab/nothing"])
def test_the_server_checks_hosts_before_the_lab_does(waystate_server: Server, path: str) -> None:
    assert get(waystate_server, path, Host="evil.example").status_code == 400


@pytest.mark.parametrize("path", ["/lab", "/lab/phone", "/lab/couriers", "/lab/graph", "/lab/api/products", "/lab/no"])
def test_every_answer_keeps_browsers_from_loading_what_is_not_ours(waystate_server: Server, path: str) -> None:
    answer = get(waystate_server, path)

    assert answer.headers["content-security-policy"] == get(waystate_server, "/").headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.status_code == (404 if path.endswith("/no") else 200)


def test_assets_may_be_kept_if_their_address_says_their_content(waystate_server: Server) -> None:
    kept = get(waystate_server, "/lab/assets/lab.css?v=1").headers["cache-control"]

    assert kept == "max-age=31536000, immutable"
    assert get(waystate_server, "/lab/assets/nothing.css").status_code == 404
    assert get(waystate_server, "/lab/assets/..%2Fapp.py").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "heading", "detail"),
    [
        ("GET", "/lab/nowhere", 404, "There is nothing here", "Not Found"),
        ("GET", "/lab/couriers/scan", 405, "That was not taken", "Method Not Allowed"),
        ("POST", "/lab/statuses", 422, "That was not taken", "There is no such status."),
    ],
)
def test_people_are_told_what_cannot_be_done_by_a_page_that_leads_back(
    waystate_server: Server, method: str, path: str, status: int, heading: str, detail: str
) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = httpx2.request(method, f"{waystate_server.url}{path}", headers=browser, trust_env=False)

    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert f'<h1>{heading}</h1>\n<p class="lead">{detail}</p>' in page.text
    assert '<a class="button" href="/lab">To the lab</a>' in page.text


@pytest.mark.parametrize(
    ("path", "accept", "answer"),
    [
        ("/lab/nowhere", "*/*", {"error": "Not Found"}),
        ("/lab/api/nowhere", "text/html", {"error": "Not Found"}),
        ("/lab/api/flows/nothing", "text/html", {"error": "The server has no Flow of that name."}),
        ("/lab/assets/nothing.css", "text/css,*/*;q=0.1", {"error": "There is no such asset."}),
    ],
)
def test_programs_are_told_what_cannot_be_done_as_json(
    waystate_server: Server, path: str, accept: str, answer: dict[str, str]
) -> None:
    told = get(waystate_server, path, Accept=accept)

    assert (told.status_code, told.json()) == (404, answer)


def test_a_server_without_the_lab_has_nothing_there(shop: Any) -> None:
    assert httpx2.get(f"{shop.world.url}/lab", trust_env=False).status_code == 404
    assert httpx2.get(f"{shop.world.url}/lab/api/faults", trust_env=False).status_code == 404


def test_the_lab_is_for_development(tmp_path: Path) -> None:
    said = Shell(tmp_path).call("lab", "--host", "0.0.0.0")  # noqa: S104 - it is refused

    assert said == Said(
        BAD_CONFIGURATION,
        err="waystate: the lab holds every secret of its server: it is for this machine alone; --host; "
        "choose one of 127.0.0.1, ::1, localhost\n",
    )


# Its life


def test_a_server_ends_at_once_though_somebody_follows_a_chat(tmp_path: Path) -> None:
    server = Server(tmp_path)
    path = f"{server.url}/lab/api/chat/events?person=919800000001"
    with httpx2.stream("GET", path, timeout=SECONDS, trust_env=False) as stream:
        assert stream.status_code == 200
        assert server.stop() == 0
        stream.read()  # it ended in order, and was not cut off when waiting for it was over


def test_what_was_not_taken_is_brought_again_and_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.postman.GAP_SECONDS", 0.001)
    brought: list[str] = []
    ends = {"taken": [200], "late": [503, 0, 200], "never": [500] * (ATTEMPTS + 1)}

    async def deliver(update: str) -> int:
        brought.append(update)
        status = ends[update].pop(0)
        if not status:
            raise Unable("gone")
        return status

    async def work() -> int:
        postman = Postman(deliver)
        working = asyncio.create_task(postman.work())
        for update in ends:
            postman.post(update)
        async with asyncio.timeout(10):
            while not postman.given_up:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0.001)
        working.cancel()
        return postman.given_up

    assert asyncio.run(work()) == 1
    assert {update: brought.count(update) for update in ends} == {"taken": 1, "late": 3, "never": ATTEMPTS}


# On its own


@contextmanager
def apart(folder: Path, server: str) -> Iterator[str]:
    """Serve the lab on its own in a server's folder, and return its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Program([*WAYSTATE, "lab", "--port", str(port), "--server", server], folder, {})
    try:
        address = program.wait_until_up().rstrip("/")

        def answers() -> bool | None:
            try:
                return httpx2.get(f"{address}/api/products", trust_env=False).is_success or None
            except httpx2.HTTPError:
                return None

        waited(answers, "the lab does not answer")
        yield address
        assert program.stop(signal.SIGTERM) == 0
    finally:
        program.kill()
        program.close()


def test_on_its_own_it_speaks_to_its_server_all_the_same(waystate_server: Server) -> None:
    with apart(waystate_server.folder, waystate_server.url) as address:
        flows = httpx2.get(f"{address}/api/flows", trust_env=False)
        refused = httpx2.get(address, headers={"Host": "evil.example"}, trust_env=False)
        message = {"type": "text", "text": {"body": "Hello"}}
        said = {"from": "919800000071", "name": "Asha Rao", "message": message}
        heard = httpx2.post(f"{address}/api/messages", json=said, trust_env=False)
        page = httpx2.get(f"{address}/couriers", trust_env=False)

    assert "personalised_offer" in {flow["name"] for flow in flows.json()}
    assert (refused.status_code, refused.text) == (403, "The lab answers for this machine only.")
    assert heard.json()["status"] == 200
    assert page.status_code == 200


def test_on_its_own_it_ends_at_once_though_somebody_follows_a_chat(waystate_server: Server) -> None:
    with ExitStack() as following:
        with apart(waystate_server.folder, waystate_server.url) as address:
            path = f"{address}/api/chat/events?person=919800000001"
            stream = following.enter_context(httpx2.stream("GET", path, timeout=SECONDS, trust_env=False))
            assert stream.status_code == 200
        stream.read()  # likewise


def test_without_its_server_it_says_so_and_goes_on() -> None:
    async def told() -> list[tuple[int, bytes]]:
        lab = Lab(NOWHERE, "http://127.0.0.1:8001/lab")
        async with lab.alive(), httpx2.AsyncClient(transport=httpx2.ASGITransport(app=lab)) as client:
            answers = [await client.get(f"http://127.0.0.1:8001/lab{path}") for path in ("/api/flows", "", "/couriers")]
        return [(answer.status_code, answer.content) for answer in answers]

    api, home, couriers = asyncio.run(told())
    error = "the server does not answer at http://127.0.0.1:9 (ConnectError)"
    assert (api[0], json.loads(api[1])) == (502, {"error": error})
    assert home[0] == couriers[0] == 200
    assert error.encode() in home[1]
    assert error.encode() in couriers[1]
