"""`waystate compile` and `diagram`: what can be done with definitions without a server."""

import os
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
from diagrams import draw, render_dot, render_mermaid
from engine.model import Definition


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
@click.option("--format", "form", type=click.Choice(["mermaid", "dot"]), default="mermaid", show_default=True)
@click.option("--session", "key", help="Draw the way of this session, too; asks the running server.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write there instead.")
@configured
def diagram(name_or_path: str, form: str, key: str | None, output: Path | None) -> None:
    """Draw a definition: a shipped one by its name, any by its file."""
    document = read(_path_of(name_or_path))
    if key is None:
        drawing = draw(_compiled(document))
        text = render_dot(drawing) if form == "dot" else render_mermaid(drawing)
    else:
        text = Server(load_loosely(os.environ)).text(
            "sessions", document.name, key, "diagram.dot" if form == "dot" else "diagram.mmd"
        )
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"waystate: cannot write {output}: {error.strerror}", err=True)
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
