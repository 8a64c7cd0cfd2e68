"""
`python -m bench.console`: how long staff wait for lists, searches, a session and counts when there are very many.

For each number of sessions a database is made (bench/crowd.py) and served by `waystate serve`; each address is asked
over one connection that stays open, each time about somebody else. What is to be seen: nothing takes longer with a
million sessions than with a thousand.
"""

import http.client
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from urllib.parse import quote, urlencode, urlsplit

import click
from msgspec import Struct

from api.admin import cursor
from api.keyring import generate
from api.settings import PREFIX
from bench.crowd import (
    DATA_KEY,
    FEW,
    OFFER,
    ORDER,
    RARE,
    SHIPMENT,
    Crowd,
    Person,
    has_ordered,
    is_offered,
)
from bench.servers import NotUp, serving
from definitions.catalogue import Catalogue

SIZES = (1000, 1_000_000)
ROUNDS = 60
GOAL = 0.150
"""Seconds within which 95 of 100 answers come, at any size."""

DISK = Path("/var/tmp")  # noqa: S108 - the run makes a folder of its own in it, unless one is given

MILLISECONDS = 1000
OK, SEEN = 200, 303

API = "/admin/api/v1"


class Asked(Struct, frozen=True):
    """What is asked: its title, and its address, in which names in braces stand for values (`values`)."""

    title: str
    address: str


ASKED = (
    Asked("newest sessions", f"{API}/sessions"),
    Asked("of a definition", f"{API}/sessions?definition={OFFER}"),
    Asked("in a state of any definition", f"{API}/sessions?state=completed"),
    Asked("in a state of a definition", f"{API}/sessions?definition={OFFER}&state=OPTIONS"),
    Asked("in a rare state", f"{API}/sessions?definition={OFFER}&state={RARE}"),
    Asked("in a state where nobody is", f"{API}/sessions?definition={OFFER}&state=nowhere"),
    Asked("a page far back", f"{API}/sessions?cursor={{far}}"),
    Asked("a page far back, in a state", f"{API}/sessions?definition={OFFER}&state=OPTIONS&cursor={{far}}"),
    Asked("by a whole key", f"{API}/sessions?q={{token}}"),
    Asked("by the beginning of a key", f"{API}/sessions?q={{begins}}"),
    Asked("by how many old keys begin", f"{API}/sessions?q=OD000"),
    Asked("by how very many keys begin", f"{API}/sessions?q=ws_"),
    Asked("the same, in a state", f"{API}/sessions?definition={OFFER}&state=OPTIONS&q=ws_"),
    Asked("the same, in a rare state", f"{API}/sessions?definition={OFFER}&state={RARE}&q=ws_"),
    Asked("by a message's id", f"{API}/sessions?q={{wamid}}"),
    Asked("a session", f"{API}/sessions/{OFFER}/{{token}}"),
    Asked("its history", f"{API}/sessions/{OFFER}/{{token}}/history"),
    Asked("an order's story", f"{API}/sessions/{ORDER}/{{order}}/story"),
    Asked("counts", f"{API}/stats"),
    Asked("effects", f"{API}/effects?status=done&limit=50"),
)
"""What the admin API is asked."""

PAGES = (
    Asked("page: newest sessions", "/admin/sessions"),
    Asked("page: of a definition", f"/admin/sessions?definition={OFFER}"),
    Asked("page: in a state", f"/admin/sessions?definition={OFFER}&state=OPTIONS"),
    Asked("page: in a rare state", f"/admin/sessions?definition={OFFER}&state={RARE}"),
    Asked("page: by the beginning of a key", "/admin/sessions?q={begins}"),
    Asked("page: by an order's number", "/admin/sessions?q={number}"),
    Asked("page: by a tracking number", "/admin/sessions?q={tracking}"),
    Asked("page: by a phone number", "/admin/sessions?q={phone}"),
    Asked("page: a session", f"/admin/sessions/{OFFER}/{{token}}"),
    Asked("page: an order", f"/admin/sessions/{ORDER}/{{order}}"),
    Asked("page: a shipment", f"/admin/sessions/{SHIPMENT}/{{shipment}}"),
    Asked("page: orders", "/admin/orders"),
    Asked("page: orders by the beginning of a number", "/admin/orders?q=MS-0"),
    Asked("page: an order with its shipments", "/admin/orders/{order}"),
    Asked("page: effects", "/admin/effects"),
    Asked("page: a definition with its traffic", f"/admin/definitions/{OFFER}"),
    Asked("page: a funnel", f"/admin/funnels/{OFFER}"),
    Asked("page: the overview", "/admin"),
)
"""What the console is asked, by somebody who is signed in."""


class WrongAnswer(Exception):
    """An address was not answered as it must be: its figures mean nothing."""


class Waited(Struct, frozen=True):
    """How many seconds half of the answers took at most, and 95 of 100."""

    p50: float
    p95: float


def values(lot: Random, sessions: int) -> Mapping[str, str]:
    """Return the values of an address, about people drawn by lot among those of so many *sessions*."""
    most = sessions * 10 // 13  # of ten people one has three sessions, and perhaps not all of them are there
    offered = Person(_drawn(lot, most, is_offered))
    ordered = Person(_drawn(lot, most, has_ordered))
    told = {
        "far": cursor(sessions // 2 + lot.randrange(sessions // 4)),
        "token": offered.token,
        "begins": offered.token[:10],
        "wamid": f"wamid.{offered.number // 10 * 10 + 9}",
        "order": ordered.order_id,
        "number": ordered.order_number,
        "tracking": ordered.tracking,
        "shipment": f"{ordered.order_id}:{ordered.tracking}",
        "phone": f"+{ordered.phone}",
    }
    return {name: quote(value, safe="") for name, value in told.items()}


def _drawn(lot: Random, most: int, fits: Callable[[int], bool]) -> int:
    return next(number for number in iter(lambda: lot.randrange(FEW + 3, most), None) if fits(number))


def measure(path: Path, sessions: int, asked: Sequence[Asked], rounds: int) -> dict[str, Waited]:
    """
    Serve the database at *path* and ask each address so many times, in turns.

    Raises:
        WrongAnswer: an address was not answered with a page or a list.
        NotUp: the server did not come up.
    """
    with tempfile.TemporaryDirectory(prefix="waystate-bench-") as own:
        folder, token = Path(own), secrets.token_urlsafe(24)
        key = generate(folder / "keys", "")
        settings = {
            "DATABASE_URL": f"sqlite:///{path}",
            "PRIVATE_KEY_FILE": str(folder / "keys" / key.name),
            "APP_SECRET": secrets.token_hex(16),
            "VERIFY_TOKEN": secrets.token_hex(16),
            "DATA_KEY": DATA_KEY,
            "ADMIN_TOKEN": token,
        }
        environment = {f"{PREFIX}{name}": value for name, value in settings.items()}
        with serving(folder, "--port", "0", "--no-worker", **environment) as server:
            address = urlsplit(server.wait_until_up())
            with closing(http.client.HTTPConnection(address.hostname or "", address.port)) as connection:
                return _asked(connection, token, sessions, asked, rounds)


def _asked(
    connection: http.client.HTTPConnection, token: str, sessions: int, asked: Sequence[Asked], rounds: int
) -> dict[str, Waited]:
    headers = {"Authorization": f"Bearer {token}", "Cookie": _signed_in(connection, token)}
    lot = Random(2)  # noqa: S311 - the same at each size
    took: dict[str, list[float]] = {each.title: [] for each in asked}
    for _ in range(rounds):
        about = values(lot, sessions)
        for each in asked:
            began = time.perf_counter()
            connection.request("GET", each.address.format(**about), headers=headers)
            answer = connection.getresponse()
            answer.read()
            took[each.title].append(time.perf_counter() - began)
            if answer.status not in (OK, SEEN):  # who looks for a whole key may be sent to its session
                raise WrongAnswer(f"{each.title}: {answer.status}")
    return {title: _waited(seconds) for title, seconds in took.items()}


def _signed_in(connection: http.client.HTTPConnection, token: str) -> str:
    """Return the cookie of somebody who has signed in."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/admin/sign-in", urlencode({"token": token}), form)
    answer = connection.getresponse()
    answer.read()
    if answer.status != SEEN:
        raise WrongAnswer(f"sign-in: {answer.status}")
    return (answer.getheader("Set-Cookie") or "").partition(";")[0]


def _waited(seconds: Sequence[float]) -> Waited:
    return Waited(statistics.median(seconds), statistics.quantiles(seconds, n=20, method="inclusive")[-1])


def table(measured: Mapping[int, Mapping[str, Waited]]) -> Iterator[str]:
    """Yield the lines of a report: a row for each address, p50 and p95 in milliseconds for each number of sessions."""
    yield f"{'milliseconds, p50 and p95 with':<36}" + "".join(f"{sessions:>14,} sessions" for sessions in measured)
    for title in next(iter(measured.values())):
        told = (of_size[title] for of_size in measured.values())
        figures = "".join(f"{each.p50 * MILLISECONDS:>14.1f}{each.p95 * MILLISECONDS:>9.1f}" for each in told)
        slow = any(of_size[title].p95 > GOAL for of_size in measured.values())
        yield f"{title:<36}{figures}" + (f"  over {GOAL * MILLISECONDS:.0f}" if slow else "")


@click.command(help=(__doc__ or "").partition("\n\n")[0])
@click.option("--sessions", type=click.IntRange(100), multiple=True, default=SIZES, show_default=True)
@click.option("--rounds", type=click.IntRange(2), default=ROUNDS, show_default=True, help="How often each is asked.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the databases stay, and are found by the next run; without it, they go when it ends.",
)
def main(sessions: Sequence[int], rounds: int, folder: Path | None) -> None:
    """Measure and report."""
    catalogue = Catalogue.load()
    with tempfile.TemporaryDirectory(prefix="waystate-bench-", dir=DISK) as own:
        measured = {}
        for size in sessions:
            path = (folder or Path(own)).resolve() / f"{size}.db"
            crowd = Crowd(path, size, catalogue)
            if not crowd.known():
                click.echo(f"making {size:,} sessions", err=True)
                crowd.make()
            try:
                measured[size] = measure(path, size, (*ASKED, *PAGES), rounds)
            except (NotUp, WrongAnswer, ConnectionError) as error:
                raise click.ClickException(str(error)) from None
    click.echo("\n".join(table(measured)))
    if any(waited.p95 > GOAL for of_size in measured.values() for waited in of_size.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
