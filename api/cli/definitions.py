"""`waystate compile` and `diagram`: what can be done with definitions without a server."""

import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from api.cli.check import BROKEN, UNREADABLE, read, told
from api.cli.exits import configured
from api.cli.http import Server
from api.settings import load_loosely
from api.views import compiled_view
from definitions.catalogue import SHIPPED, Document
from definitions.xstate import to_xstate
from diagrams import PicturesUnavailable, TooMuchToDraw, draw, rendered
from engine.model import Definition

FORMS = {"mermaid": "mmd", "dot": "dot", "svg": "svg", "png": "png"}
"""What diagrams are asked for as, and how their files and addresses end."""


@click.command("compile")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["json", "xstate"]), default="json", show_default=True)
def compile_(path: Path, form: str) -> None:
    """Print the compiled definition."""
    definition = _compiled(read(path))
    content: Any = to_xstate(definition) if form == "xstate" else compiled_view(definition)
    click.echo(msgspec.json.format(msgspec.json.encode(content)).decode())


@click.command()
@click.argument("name_or_path")
@click.option("--format", "form", type=click.Choice([*FORMS]), default="mermaid", show_default=True)
@click.option("--session", "key", help="Draw the way of this session, too; asks the running server.")
@click.option("--traffic", is_flag=True, help="Draw what all sessions did, too; asks the running server.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write there instead.")
@configured
def diagram(name_or_path: str, form: str, key: str | None, output: Path | None, *, traffic: bool) -> None:
    """Draw a definition: a shipped one by its name, any by its file."""
    if key is not None and traffic:
        raise click.UsageError("a session's way and all sessions' traffic do not fit in one picture")
    if form == "png" and output is None and at_a_terminal():
        raise click.UsageError("a PNG is nothing for a terminal; add `-o FILE`, or send it on with a pipe")
    content = _drawing(read(_path_of(name_or_path)), FORMS[form], key, traffic=traffic)
    if output is None:
        click.echo(content, nl=False)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        click.echo(f"waystate: cannot write {output}: {error.strerror}", err=True)
        raise SystemExit(UNREADABLE) from None


def at_a_terminal() -> bool:
    """Return whether what is written is shown to a person."""
    return sys.stdout.isatty()


def _drawing(document: Document, suffix: str, key: str | None, *, traffic: bool) -> bytes:
    """Return a document's diagram, drawn here or, of what sessions did, by the running server."""
    if key is not None:
        return Server(load_loosely(os.environ)).content("sessions", document.name, key, f"diagram.{suffix}")
    if traffic:
        return Server(load_loosely(os.environ)).content("definitions", document.name, f"diagram.{suffix}", traffic="1")
    drawing = draw(_compiled(document))
    try:
        return rendered(drawing, suffix)
    except (PicturesUnavailable, TooMuchToDraw) as unavailable:
        click.echo(f"waystate: {unavailable}", err=True)
        raise SystemExit(UNREADABLE) from None


def _path_of(name_or_path: str) -> Path:
    for path in (SHIPPED / "flows" / name_or_path / "flow.json", SHIPPED / "lifecycles" / f"{name_or_path}.json"):
        if path.is_file():
            return path
    return Path(name_or_path)


def _compiled(document: Document) -> Definition:
    """Return a document's definition, or end with what is wrong with it."""
    if document.definition is None or document.errors:
        for line in told(document):
            click.echo(line, err=True)
        raise SystemExit(BROKEN)
    return document.definition
