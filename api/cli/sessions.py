"""`waystate sessions`: the admin API from a shell."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from api.cli.exits import configured
from api.cli.http import Server
from api.settings import load_loosely
from api.views import HistoryItem, Minted, SessionList, SessionView, StoryStep


@click.group()
def sessions() -> None:
    """List and show sessions of the running server, open some, and send them events."""


@sessions.command("list")
@click.option("--definition", default="", help="Only those of this definition.")
@click.option("--state", default="", help="Only those in this state.")
@click.option(
    "-q",
    "text",
    default="",
    help="A key or its beginning, an order or tracking number, a message id or a phone number.",
)
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
@configured
def story(definition: str, key: str) -> None:
    """Tell what happened around a session: to its family, its messages, the Flows that act on it."""
    steps = _server().get(list[StoryStep], "sessions", definition, key, "story")
    rows = [
        (
            step.recorded_at[:19].replace("T", " "),
            step.actor,
            _short(step, key),
            ("~" if step.inferred else "") + step.event,
            step.target_state if step.target_state != step.source_state else "",
            ", ".join(_notes(step)),
        )
        for step in steps
    ]
    _table(("RECORDED", "BY", "OF", "EVENT", "NOW", "NOTES"), rows)


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
    content = {"event": event, "data": _object(data), "reason": reason, "id": event_id}
    session = _server().post(SessionView, "sessions", definition, key, "events", content=content)
    click.echo(session.state)


@sessions.command("open")
@click.argument("definition")
@click.option("--key", default="", help="The session's key; without one it is random.")
@click.option("--data", default="{}", help="What the session begins with, as JSON.")
@configured
def open_session(definition: str, key: str, data: str) -> None:
    """Open a session of a Flow or of a lifecycle of one's own, and print its key."""
    content = {"definition": definition, "key": key, "data": _object(data)}
    click.echo(_server().post(Minted, "sessions", content=content).key)


def _object(data: str) -> dict[str, Any]:
    """
    Return the object that an option is, as JSON.

    Raises:
        BadParameter: it is none.
    """
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"not a JSON object: {error}", param_hint="--data") from None


def _short(step: StoryStep, key: str) -> str:
    """Return whose step it is: what the story is about needs no name, nor what says nothing to people."""
    rest = step.delivers or step.key.removeprefix(key).removeprefix(":")
    return step.definition if rest in ("", step.key) else f"{step.definition} {rest}"


def _notes(step: StoryStep) -> Iterator[str]:
    """Yield why a step moved nothing, and what it asked for with what became of that."""
    if step.outcome not in ("", "applied"):
        yield step.outcome
    for effect in step.effects:
        became = effect.status if effect.status != "discarded" else effect.reason
        yield f"{effect.name} ({became})"


def _server() -> Server:
    return Server(load_loosely(os.environ))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    for row in [heads, *rows]:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
