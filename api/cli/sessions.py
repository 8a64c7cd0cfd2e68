"""`waystate sessions`: the admin API from a shell."""

import os
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from api.cli.exits import configured
from api.cli.http import Server
from api.settings import load_loosely
from api.views import HistoryItem, SessionList, SessionView


@click.group()
def sessions() -> None:
    """List and show sessions of the running server, and send them events."""


@sessions.command("list")
@click.option("--definition", default="", help="Only those of this definition.")
@click.option("--state", default="", help="Only those in this state.")
@click.option("-q", "text", default="", help="A key, the beginning of one, or another name of a session.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@configured
def list_sessions(definition: str, state: str, text: str, limit: int) -> None:
    """List sessions, the newest first."""
    page = _server().get(SessionList, "sessions", definition=definition, state=state, q=text, limit=str(limit))
    rows = [(item.definition, item.key, item.state, item.updated_at) for item in page.items]
    _table(("DEFINITION", "KEY", "STATE", "UPDATED"), rows)
    if page.next_cursor:
        click.echo(f"(only the first {limit}; narrow it, or raise --limit)", err=True)


@sessions.command()
@click.argument("definition")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print the session and its history as JSON.")
@configured
def show(definition: str, key: str, *, as_json: bool) -> None:
    """Show a session and its history."""
    server = _server()
    session = server.get(SessionView, "sessions", definition, key)
    history = server.get(list[HistoryItem], "sessions", definition, key, "history")
    if as_json:
        whole = {**msgspec.structs.asdict(session), "history": history}
        click.echo(msgspec.json.format(msgspec.json.encode(whole)).decode())
        return
    click.echo(f"{definition} {key}\nstate    {session.state}\nrevision {session.revision}")
    click.echo(f"version  {session.version}\ntakes    {', '.join(session.allowed_events) or 'nothing'}\n")
    rows = [
        (
            str(item.seq),
            item.occurred_at,
            ("~" if item.inferred else "") + item.event,
            item.source_state,
            item.target_state,
            " ".join(part for part in (item.outcome, *item.effects) if part),
        )
        for item in history
    ]
    _table(("SEQ", "OCCURRED", "EVENT", "FROM", "TO", "NOTES"), rows)
    if any(item.inferred for item in history):
        click.echo("~ inferred: not seen, but it follows from the next step")


@sessions.command()
@click.argument("definition")
@click.argument("key")
@click.argument("event")
@click.option("--data", default="{}", help="The event's data, as JSON.")
@click.option("--reason", default="", help="Why; it stands in the history.")
@click.option("--id", "event_id", default="", help="The event's identity: the same again changes nothing.")
@configured
def send(definition: str, key: str, event: str, data: str, reason: str, event_id: str) -> None:
    """Send an event to a session."""
    try:
        decoded = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"not a JSON object: {error}", param_hint="--data") from None
    content = {"event": event, "data": decoded, "reason": reason, "id": event_id}
    session = _server().post(SessionView, "sessions", definition, key, "events", content=content)
    click.echo(session.state)


def _server() -> Server:
    return Server(load_loosely(os.environ))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    for row in [heads, *rows]:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
