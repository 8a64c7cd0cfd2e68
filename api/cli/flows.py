"""
`waystate flows`: our Flows as Meta has them. A Flow has the same name there as here.

Source: Meta, "Flows API".
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

import click
import msgspec
from msgspec.structs import replace

from api.cli.check import BROKEN, UNREADABLE, told
from api.cli.exits import configured
from api.cli.graph import asked_or_told, required
from api.cli.http import Server
from api.cli.serve import load_catalogue
from api.flow_sending import FlowSent
from api.graph import FlowAtMeta, FlowFault, Graph, Health
from api.settings import PREFIX, Settings, load_loosely
from definitions.catalogue import Document
from engine.errors import Problem

CATEGORIES = (
    *("SIGN_UP", "SIGN_IN", "APPOINTMENT_BOOKING", "LEAD_GENERATION"),
    *("CONTACT_US", "CUSTOMER_SUPPORT", "SURVEY", "OTHER"),
)

BLOCKED = "BLOCKED"

_PATH = re.compile(r"(?:[\w-]+|\[\d+\])(?:\.[\w-]+|\[\d+\])*")
_PART = re.compile(r"[\w-]+")


@click.group()
def flows() -> None:
    """Bring Flows to Meta, publish them, see how they are there, and send them to people."""


@flows.command()
@click.argument("name")
@click.option(
    "--category",
    "categories",
    multiple=True,
    type=click.Choice(CATEGORIES, case_sensitive=False),
    default=("OTHER",),
    show_default=True,
    help="What a new Flow is about; several are possible.",
)
@configured
def push(name: str, categories: tuple[str, ...]) -> None:
    """Upload a Flow's JSON; the account gets a new Flow if it has none of that name."""
    settings, document = _found(name)
    endpoint = _endpoint(settings, document)
    waba_id = required(settings, "waba_id")

    async def pushed(graph: Graph) -> tuple[str, bool, tuple[FlowFault, ...]]:
        flow_id = await _id_of(graph, waba_id, name)
        is_new = flow_id is None
        if flow_id is None:
            flow_id = await graph.create_flow(waba_id, name, categories, endpoint)
        elif endpoint:
            await graph.point_flow(flow_id, endpoint)
        return flow_id, is_new, await graph.upload_flow(flow_id, document.source)

    flow_id, is_new, faults = asked_or_told(settings, pushed)
    click.echo(f"{name}: {'made' if is_new else 'changed'}, a draft, {flow_id}")
    if endpoint:
        click.echo(f"endpoint {endpoint}")
    _tell(document, faults)
    if faults:
        click.echo("It is kept as a draft, and cannot be published like this.", err=True)
        raise SystemExit(BROKEN)


@flows.command()
@click.argument("name")
@configured
def publish(name: str) -> None:
    """Publish the draft that Meta has of a Flow."""
    settings, document = _found(name)
    waba_id = required(settings, "waba_id")

    async def published(graph: Graph) -> FlowAtMeta | None:
        flow_id = await _id_of(graph, waba_id, name)
        if flow_id is None:
            return None
        before = await graph.flow(flow_id)
        if before.validation_errors:
            return before
        await graph.publish_flow(flow_id)
        return await graph.flow(flow_id)

    flow = _there(asked_or_told(settings, published), name)
    _tell(document, flow.validation_errors)
    if flow.validation_errors:
        click.echo("Meta does not publish it like this.", err=True)
        raise SystemExit(BROKEN)
    click.echo(f"{name}: {flow.status}, {flow.id}")


@flows.command()
@click.argument("name")
@configured
def status(name: str) -> None:
    """Show how a Flow is at Meta; exit 1 if it cannot be sent."""
    settings, document = _found(name)
    waba_id = required(settings, "waba_id")

    async def looked_at(graph: Graph) -> FlowAtMeta | None:
        flow_id = await _id_of(graph, waba_id, name)
        return None if flow_id is None else await graph.flow(flow_id)

    flow = _there(asked_or_told(settings, looked_at), name)
    version = f"{flow.json_version}, data API {flow.data_api_version}" if flow.data_api_version else flow.json_version
    preview = f"{flow.preview.preview_url} (until {flow.preview.expires_at})" if flow.preview.preview_url else ""
    rows = {
        "id": flow.id,
        "status": flow.status,
        "version": version,
        "endpoint": flow.endpoint_uri,
        "preview": preview,
        "health": flow.health_status.can_send_message,
    }
    for title, value in rows.items():
        click.echo(f"{title:<9}{value or '-'}")
    for line in _ailments(flow.health_status):
        click.echo(line)
    _tell(document, flow.validation_errors)
    if flow.validation_errors or BLOCKED in {flow.status, flow.health_status.can_send_message}:
        raise SystemExit(BROKEN)


@flows.command()
@click.argument("name")
@click.option("--to", "recipient", required=True, help="A phone number with its country, or a business-scoped id.")
@click.option("--data", default="{}", help="Data for the Flow's logic, or for its first screen, as JSON.")
@click.option("--about", default="", metavar="DEFINITION/KEY", help="The session that its customer decides on.")
@configured
def send(name: str, recipient: str, data: str, about: str) -> None:
    """Let the running server send a Flow's message to a person."""
    try:
        decoded = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"not a JSON object: {error}", param_hint="--data") from None
    definition, slash, key = about.partition("/")
    if about and not (definition and slash and key):
        raise click.BadParameter("write DEFINITION/KEY", param_hint="--about")
    subject = {"about": {"definition": definition, "key": key}} if about else {}
    content = {"recipient": recipient, "data": decoded, **subject}
    sent = Server(load_loosely(os.environ)).post(FlowSent, "flows", name, "send", content=content)
    click.echo(f"session {sent.key}\nmessage {sent.effect}")


def _found(name: str) -> tuple[Settings, Document]:
    """Return the settings and the Flow of that name, or end because there is none."""
    settings = load_loosely(os.environ)
    catalogue = load_catalogue(settings)
    if name not in catalogue.flows:
        click.echo(f"waystate: there is no Flow {name}; there are: {', '.join(catalogue.flows)}", err=True)
        raise SystemExit(UNREADABLE)
    return settings, catalogue.documents[name]


def _endpoint(settings: Settings, document: Document) -> str:
    """
    Return where Meta is to send a Flow's calls, or nothing if it makes none.

    Raises:
        ConfigurationError: it makes some, and we have no public address.
    """
    if document.flow is None or not document.flow.has_endpoint:
        return ""
    return f"{required(settings, 'public_url').rstrip('/')}/flows/{document.name}"


async def _id_of(graph: Graph, waba_id: str, name: str) -> str | None:
    return next((flow.id for flow in await graph.flows(waba_id) if flow.name == name), None)


def _there(flow: FlowAtMeta | None, name: str) -> FlowAtMeta:
    if flow is None:
        raise click.ClickException(
            f"the account {PREFIX}WABA_ID names has no Flow {name}; `waystate flows push {name}` makes it"
        )
    return flow


def _ailments(health: Health) -> Iterator[str]:
    """Yield what keeps a Flow from being sent, and what Meta proposes."""
    for entity in health.entities:
        for error in entity.errors:
            parts = (error.error_description, error.possible_solution)
            said = " ".join(part for part in parts if part)
            yield f"  {entity.entity_type} {entity.id}: {entity.can_send_message}, {error.error_code}: {said}"


def _tell(document: Document, faults: Iterable[FlowFault]) -> None:
    """Show what Meta finds wrong as `waystate check` shows what we do; to standard error."""
    placed = []
    for fault in faults:
        pointer = pointer_of(fault)
        if pointer is None:
            place = f"{document.path}:{fault.line_start}:{fault.column_start}"
            click.echo(f"{place}: error: {fault.message} [{fault.error}, Meta]", err=True)
        else:
            placed.append(Problem(pointer, fault.error, fault.message))
    for line in told(replace(document, problems=tuple(placed))):
        click.echo(line, err=True)


def pointer_of(fault: FlowFault) -> str | None:
    """
    Return the pointer (RFC 6901) to where Meta says a fault is, or None where it does not say so.

    Its paths read `screens[0].layout.children[0].type`, with blanks in some of its examples.
    """
    path = "".join(fault.pointers[0].path.split()) if fault.pointers else ""
    return "".join(f"/{part}" for part in _PART.findall(path)) if _PATH.fullmatch(path) else None
