"""
What the phone's page asks the lab: Flows and their key, calls to pass on, the chat, files.

Rule 1: a call is passed on as the page sealed it, signed as Meta signs, and its answer comes back as it is: what the
        page shows is what a phone would have got.
"""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from litestar import Request, Response, get, post, put
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream
from msgspec import Meta, Struct, field

from lab.chat import Line
from lab.faults import Faults
from lab.letters import Letter
from lab.workbench import AskedFor, Workbench, has_endpoint

PRODUCTS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "products.json").read_text())

FOLLOWED_SECONDS = 30.0
"""How long one stream of news goes on; a browser opens the next by itself."""

OVERLAP_SECONDS = 5.0
"""How much of what happened before its beginning a stream tells: what came while the page was loading."""

ABOUT = {"ndr_resolution": "ndr_case"}
"""What sessions of a Flow are about, by the Flow's name."""

MAX_UPLOAD = 26 * 1024 * 1024
NOT_FOUND = 404

Person = Annotated[str, Meta(min_length=1, max_length=128)]


class SessionBody(Struct):
    """A session to open: of a Flow, for somebody."""

    flow: str
    recipient: str = ""
    data: dict[str, Any] = {}


class MessageBody(Struct):
    """A message that a person sends; *message* is as Meta's webhook has it, without what is the same for all."""

    sender: Person = field(name="from")
    message: dict[str, Any]
    name: str = "Customer"


class ReadBody(Struct):
    """Somebody who has read their messages."""

    person: Person


class Refused(Exception):
    """A request that the lab cannot do, and what is told about it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@get("/lab/api/flows")
async def flows(bench: NamedDependency[Workbench]) -> list[dict[str, Any]]:
    """List the Flows that the server runs, each with what its sessions are about."""
    return [{**each, "about": ABOUT.get(each["name"], "")} for each in await bench.flows()]


@get("/lab/api/flows/{name:str}")
async def flow(name: FromPath[str], bench: NamedDependency[Workbench]) -> dict[str, Any]:
    """Return a Flow with what a phone needs to open it."""
    answer = await _of_staff(bench, f"/definitions/{name}/source")
    if answer.status_code == NOT_FOUND:
        raise Refused(NOT_FOUND, "The server has no Flow of that name.")
    document = msgspec.json.decode(answer.content)
    return {
        "name": unquote(name),
        "document": document,
        "public_key": bench.world.public_key,
        "endpoint": has_endpoint(document),
    }


@post("/lab/api/sessions", status_code=200)
async def open_session(data: JSONBody[SessionBody], bench: NamedDependency[Workbench]) -> dict[str, str]:
    """Open a session, about what its person was last asked in the chat if it is of such a Flow; return its token."""
    content: dict[str, Any] = {"definition": data.flow, "recipient": data.recipient, "data": data.data}
    subject = ABOUT.get(data.flow, "")
    about = await bench.asked_about(data.recipient.lstrip("+"), subject) if subject else None
    if about is not None:
        content["about"] = {"definition": subject, "key": about}
    minted = await bench.wire.ask("POST", "/admin/api/v1/sessions", content, token=bench.world.admin_token)
    return {"token": minted["key"]}


@post("/lab/api/relay/{name:str}", status_code=200)
async def relay(
    name: FromPath[str],
    request: Request[Any, Any, Any],
    bench: NamedDependency[Workbench],
    unsigned: FromQuery[str] = "",
) -> Response[bytes]:
    """Pass a sealed call on to a Flow's endpoint as Meta does, and its answer back; *unsigned* without a signature."""
    body = await request.body()
    headers = {"Content-Type": "application/json"} if unsigned else bench.world.signed(body)
    begin = time.monotonic()
    answer = await bench.wire.send("POST", f"/flows/{name}", body, headers)
    took = f"{(time.monotonic() - begin) * 1000:.1f}"
    return _as_it_is(answer, {"x-lab-milliseconds": took})


@post("/lab/api/messages", status_code=200)
async def say(data: JSONBody[MessageBody], bench: NamedDependency[Workbench]) -> dict[str, Any]:
    """Let a person send a message."""
    status, wamid = await bench.say(data.sender.lstrip("+"), data.name, data.message)
    return {"status": status, "id": wamid}


@get("/lab/api/chat")
async def chat(person: FromQuery[str], bench: NamedDependency[Workbench]) -> dict[str, Any]:
    """Return a person's chat, oldest first."""
    return {"messages": bench.chat.messages(person.lstrip("+"))}


@get("/lab/api/chat/events")
async def chat_events(
    person: FromQuery[str], request: Request[Any, Any, Any], bench: NamedDependency[Workbench]
) -> Stream:
    """Tell what changes in a person's chat as it does."""
    said = request.headers.get("last-event-id", "")
    after = int(said) if said.isdecimal() else bench.chat.before(OVERLAP_SECONDS)

    async def told() -> AsyncIterator[bytes]:
        yield b"retry: 500\n\n"
        async for number, line in bench.chat.follow(person.lstrip("+"), after, FOLLOWED_SECONDS):
            yield _event(number, line)

    return Stream(told(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@post("/lab/api/read", status_code=200)
async def read(data: JSONBody[ReadBody], bench: NamedDependency[Workbench]) -> dict[str, int]:
    """Let a person have read all that came to them."""
    return {"read": bench.read(data.person.lstrip("+"))}


@get("/lab/api/session/{definition:str}/{key:str}")
async def session(definition: FromPath[str], key: FromPath[str], bench: NamedDependency[Workbench]) -> Response[bytes]:
    """Return a session, as the server's staff see it."""
    return _as_it_is(await _of_staff(bench, f"/sessions/{definition}/{key}"))


@get("/lab/api/session/{definition:str}/{key:str}/diagram.svg")
async def session_picture(
    definition: FromPath[str], key: FromPath[str], bench: NamedDependency[Workbench]
) -> Response[bytes]:
    """Return the picture of a session."""
    return _as_it_is(await _of_staff(bench, f"/sessions/{definition}/{key}/diagram.svg"))


@post("/lab/api/media", status_code=200, request_max_body_size=MAX_UPLOAD)
async def upload(request: Request[Any, Any, Any], bench: NamedDependency[Workbench]) -> dict[str, Any]:
    """Take a file from a picker, and return what a phone sends of it."""
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile):
        raise Refused(422, "A file is needed, in the form's field `file`.")
    return bench.upload(file.filename or "file", await file.read())


@get("/lab/media/{media_id:str}", media_type="application/octet-stream")
async def uploaded(media_id: FromPath[str], bench: NamedDependency[Workbench]) -> Response[bytes]:
    """Return a file as it lies on WhatsApp's servers: encrypted."""
    blob = bench.uploads.get(media_id)
    if blob is None:
        raise Refused(NOT_FOUND, "There is no such file, or not any more.")
    return Response(blob, media_type="application/octet-stream")


@get("/lab/api/products")
async def products() -> list[dict[str, Any]]:
    """Return what is sold: prices in minor units."""
    return PRODUCTS


@get("/lab/api/couriers/asked")
async def asked_of_couriers(bench: NamedDependency[Workbench]) -> list[AskedFor]:
    """Return what couriers were asked for, oldest first."""
    return [*bench.asked_for]


@get("/lab/api/letters")
async def letters(bench: NamedDependency[Workbench]) -> list[Letter]:
    """Return the letters that were sent, oldest first."""
    return [*bench.letterbox.letters]


@get("/lab/api/faults")
async def faults(bench: NamedDependency[Workbench]) -> Faults:
    """Return what goes wrong now."""
    return bench.faults


@put("/lab/api/faults")
async def put_faults(data: JSONBody[Faults], bench: NamedDependency[Workbench]) -> Faults:
    """Let these things go wrong from now on, and no others."""
    bench.let_go_wrong(data)
    return bench.faults


HANDLERS = (
    flows,
    flow,
    open_session,
    relay,
    say,
    chat,
    chat_events,
    read,
    session,
    session_picture,
    upload,
    uploaded,
    products,
    asked_of_couriers,
    letters,
    faults,
    put_faults,
)


async def _of_staff(bench: Workbench, path: str) -> Any:
    """Return the answer of the admin API, whatever it is."""
    return await bench.wire.send(
        "GET", f"/admin/api/v1{path}", headers={"Authorization": f"Bearer {bench.world.admin_token}"}
    )


def _as_it_is(answer: Any, headers: dict[str, str] | None = None) -> Response[bytes]:
    kind = answer.headers.get("content-type", "application/octet-stream")
    return Response(answer.content, status_code=answer.status_code, media_type=kind, headers=headers)


def _event(number: int, line: Line) -> bytes:
    return b"id: %d\nevent: chat\ndata: %s\n\n" % (number, msgspec.json.encode(line))
