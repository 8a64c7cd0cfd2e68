"""
The lab's pages: what there is to try, couriers to play, the Graph API with its faults. They work without script.

Rule 1: a form is answered by its page, asked for anew: what came of it stands in the page's lists.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from lab import couriers
from lab.couriers import STORIES, Scan, Troubles
from lab.faults import Faults
from lab.graph_messages import TITLES
from lab.pages import ASSET_TYPES, asset, render_page
from lab.phone_api import Refused
from lab.workbench import Reported, Workbench
from lab.world import Unable

PERSON = "919800000043"
"""Who holds the phone where nobody else is named: the customer of the order that `welcome` puts (lab/stories.py)."""

SHOWN = 40
"""How many messages and calls a page lists."""

WORDS = (
    "created",
    "packed",
    "picked_up",
    "intransit",
    "out_for_delivery",
    "failed_delivery",
    "delivered",
    "shipment_delayed",
    "lost",
    "damage",
    "rto_created",
    "rto_intransit",
    "rto_delivered",
)
"""What can be reported by hand."""

REASONS = {
    "1": "Customer unavailable",
    "2": "Delivery refused",
    "5": "Customer not reachable",
    "6": "Address incomplete or wrong",
    "7": "Payment not ready",
}
"""Why a delivery can fail by hand, by Eshopbox's codes."""

ANSWERS = {
    "accept": "accept",
    "refuse": "refuse (422)",
    "down": "are down (503)",
    "slow": "accept, 12 seconds late",
    "reset": "break the connection",
}
"""How couriers can answer, and what people call it."""

MAX_AGO = 72 * 60
"""How many minutes ago something can be reported to have happened."""

TOLD_CODES = (130429, 131056, 131047, 131026, 131049, 131050, 190, 131000, 131016, 132001, 132069, 368)
"""Meta's codes that the page offers: one of each kind that the server treats in its own way."""


@get("/lab", media_type=MediaType.HTML)
async def home(bench: NamedDependency[Workbench]) -> Response[bytes]:
    """Say what there is to try."""
    flows: list[dict[str, Any]] = []
    trouble = ""
    try:
        flows = await bench.flows()
    except Unable as unable:
        trouble = str(unable)
    return _page(bench, "home.html", flows=flows, trouble=trouble, people=bench.chat.people[:10], person=PERSON)


@get("/lab/phone", media_type=MediaType.HTML)
async def phone(bench: NamedDependency[Workbench]) -> Response[bytes]:
    """Show the phone."""
    return _page(bench, "phone.html")


@get("/lab/assets/{name:str}")
async def read_asset(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return a stylesheet, a script or a picture of the pages."""
    content = asset(name)
    if content is None:
        raise Refused(404, "There is no such asset.")
    kept = "max-age=31536000, immutable" if "v" in request.query_params else "max-age=3600"
    return Response(content, media_type=ASSET_TYPES[PurePath(name).suffix], headers={"Cache-Control": kept})


# Couriers


@get("/lab/couriers", media_type=MediaType.HTML)
async def courier_page(
    bench: NamedDependency[Workbench],
    shipment: FromQuery[str] = "",
    courier: FromQuery[str] = "generic",
    done: FromQuery[str] = "",
    trouble: FromQuery[str] = "",
) -> Response[bytes]:
    """Show what couriers can report, what they have reported, and what they were asked for."""
    shipments: list[str] = []
    try:
        shipments = await bench.shipments()
    except Unable as unable:
        trouble = str(unable)
    return _page(
        bench,
        "couriers.html",
        done=done,
        trouble=trouble,
        shipments=shipments,
        chosen=shipment,
        courier=courier,
        couriers=[*bench.world.courier_keys],
        words=WORDS,
        reasons=REASONS,
        stories=STORIES.values(),
        reported=[*reversed(bench.reported)][:SHOWN],
        asked_for=[*reversed(bench.asked_for)][:SHOWN],
        answers=ANSWERS,
        answer=bench.faults.couriers.answer,
    )


@post("/lab/couriers/scan")
async def send_scan(request: Request[Any, Any, Any], bench: NamedDependency[Workbench]) -> Redirect:
    """Let a courier report one thing."""
    form = await _form(request)
    minutes = min(max(_number(form.get("minutes")), 0), MAX_AGO)
    word = form.get("status", "")
    fails = word == "failed_delivery"
    reason = form.get("reason", "1") if fails else ""
    scan = Scan(
        word,
        datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes),
        leg="rto" if word.startswith("rto") else "forward",
        remark=form.get("remark", ""),
        ndr_code=reason,
        ndr_reason=REASONS.get(reason, ""),
    )
    courier, shipment = _chosen(form, bench)
    reporting = bench.report(courier, shipment, couriers.troubled([scan], _troubles(form)))
    return _back("/lab/couriers", shipment=shipment, courier=courier, **await _reported(reporting))


@post("/lab/couriers/story")
async def play_story(request: Request[Any, Any, Any], bench: NamedDependency[Workbench]) -> Redirect:
    """Let a courier tell a whole story."""
    form = await _form(request)
    courier, shipment = _chosen(form, bench)
    story = form.get("story", "")
    if story not in STORIES:
        raise Refused(422, "There is no such story.")
    reporting = bench.play(courier, shipment, story, _troubles(form), _number(form.get("seed")))
    return _back("/lab/couriers", shipment=shipment, courier=courier, **await _reported(reporting))


@post("/lab/couriers/answers")
async def choose_answers(request: Request[Any, Any, Any], bench: NamedDependency[Workbench]) -> Redirect:
    """Say how couriers answer from now on."""
    form = await _form(request)
    chosen = _converted({"answer": form.get("answer", "accept")}, type(bench.faults.couriers))
    bench.let_go_wrong(msgspec.structs.replace(bench.faults, couriers=chosen))
    return _back("/lab/couriers", done=f"From now on couriers {ANSWERS[chosen.answer]}.")


# The Graph API


@get("/lab/graph", media_type=MediaType.HTML)
async def graph_page(bench: NamedDependency[Workbench]) -> Response[bytes]:
    """Show what the Graph API accepted, and what goes wrong with it."""
    ours = [(person, line) for person, line in bench.chat.newest(10 * SHOWN) if line.sender == "us"]
    return _page(
        bench,
        "graph.html",
        faults=bench.faults,
        wrong=bench.faults != Faults(),
        codes={code: TITLES[code] for code in TOLD_CODES},
        messages=[{"person": person, "line": line, "words": words_of(line.content)} for person, line in ours[:SHOWN]],
        asked=[*reversed(bench.graph.asked)][:SHOWN],
        given_up=bench.postman.given_up,
    )


@post("/lab/graph")
async def choose_faults(request: Request[Any, Any, Any], bench: NamedDependency[Workbench]) -> Redirect:
    """Let these things go wrong from now on."""
    form = await _form(request)
    graph: dict[str, Any] = {
        name: form[name] for name in ("kind", "code", "status", "seconds", "count") if form.get(name)
    }
    graph["everything"] = "everything" in form
    graph["share"] = _number(form.get("percent")) / 100
    statuses = {name: name in form for name in ("by_hand", "doubled", "shuffled")}
    said = {
        "graph": graph,
        "statuses": {**statuses, "fail_with": form.get("fail_with") or 0},
        "couriers": msgspec.to_builtins(bench.faults.couriers),
        "hours_passed": form.get("hours_passed") or 0,
        "not_on_whatsapp": [
            digits for each in form.get("not_on_whatsapp", "").split(",") if (digits := re.sub(r"\D", "", each))
        ],
        "flow_flaws": "flow_flaws" in form,
    }
    bench.let_go_wrong(_converted(said, Faults))
    return _back("/lab/graph")


@post("/lab/normal")
async def choose_normal(bench: NamedDependency[Workbench]) -> Redirect:
    """Let nothing go wrong any more."""
    bench.let_go_wrong(Faults())
    return _back("/lab/graph")


@post("/lab/statuses")
async def send_status(request: Request[Any, Any, Any], bench: NamedDependency[Workbench]) -> Redirect:
    """Say what became of a message."""
    form = await _form(request)
    word = form.get("status", "")
    if word not in {"sent", "delivered", "read", "failed"}:
        raise Refused(422, "There is no such status.")
    if not bench.tell_status(form.get("id", ""), word, code=_number(form.get("code"))):
        raise Refused(404, "There is no such message, or not any more.")
    return _back("/lab/graph")


@get("/lab/letters", media_type=MediaType.HTML)
async def letters_page(bench: NamedDependency[Workbench]) -> Response[bytes]:
    """Show the letters that were sent."""
    return _page(bench, "letters.html", letters=[*reversed(bench.letterbox.letters)][:SHOWN])


HANDLERS = (
    home,
    phone,
    read_asset,
    courier_page,
    send_scan,
    play_story,
    choose_answers,
    graph_page,
    choose_faults,
    choose_normal,
    send_status,
    letters_page,
)


def words_of(message: Mapping[str, Any]) -> str:
    """Return what a message says, on one line, as far as a line can."""
    kind = str(message.get("type", "text"))
    content = message.get(kind)
    if not isinstance(content, dict):
        return kind
    if kind == "template":
        values = [
            str(parameter.get("text") or parameter.get("payload") or parameter.get("type"))
            for component in content.get("components") or ()
            for parameter in component.get("parameters") or ()
        ]
        return f"{content.get('name')}: {' · '.join(values)}"
    body = content.get("body")
    text = body.get("text") if isinstance(body, dict) else body
    return str(text or content.get("type") or kind)


def _page(bench: Workbench, name: str, **values: Any) -> Response[bytes]:
    return Response(render_page(name, server=bench.world.url, **values), media_type=MediaType.HTML)


async def _form(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


def _chosen(form: Mapping[str, str], bench: Workbench) -> tuple[str, str]:
    """Return the courier and the shipment that a form names."""
    courier = form.get("courier", "")
    shipment = form.get("shipment", "")
    if courier not in bench.world.courier_keys or ":" not in shipment:
        raise Refused(422, "A courier and a shipment are needed: {order id}:{tracking id}.")
    return courier, shipment


async def _reported(reporting: Awaitable[list[Reported]]) -> dict[str, str]:
    """Return what is said of reports on the page: how many were answered what, or why they were not taken."""
    try:
        answers = Counter(each.answer for each in await reporting)
    except Unable as unable:
        return {"trouble": str(unable)}
    reports = "1 report was" if answers.total() == 1 else f"{answers.total()} reports were"
    return {"done": f"{reports} made: {', '.join(f'{count} {answer}' for answer, count in answers.items())}."}


def _troubles(form: Mapping[str, str]) -> Troubles:
    return Troubles(**{name: name in form for name in Troubles.__struct_fields__})


def _number(text: str | None) -> int:
    return int(text) if text and text.strip().isdecimal() else 0


def _converted(content: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(content, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(422, str(error)) from None


def _back(path: str, **said: str) -> Redirect:
    query = urlencode({name: value for name, value in said.items() if value})
    return Redirect(f"{path}?{query}" if query else path, status_code=303)
