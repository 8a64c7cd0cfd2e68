"""`waystate check`, `compile` and `diagram`: what can be done with definitions without a server."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from api.cli.exits import configured
from api.cli.http import Server
from api.settings import load_loosely
from api.views import compiled_view
from definitions.catalogue import SHIPPED, Document, compile_path
from definitions.json_text import places
from definitions.xstate import to_xstate
from diagrams import draw, render_dot, render_mermaid
from engine.model import Definition

BROKEN, UNREADABLE = 1, 2


class Finding(Struct, frozen=True):
    """A problem of a file, as `check --format json` prints it."""

    file: str
    severity: str
    code: str
    message: str
    pointer: str
    line: int
    column: int


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
def check(paths: tuple[Path, ...], form: str, *, strict: bool) -> None:
    """Check Flow JSON and lifecycle documents; a folder means all that are in it."""
    documents = [_read(path) for path in dict.fromkeys(path for place in paths for path in _files(place))]
    if not documents:
        click.echo(f"waystate: there is nothing to check in {', '.join(map(str, paths))}", err=True)
        raise SystemExit(UNREADABLE)
    findings = [finding for document in documents for finding in _findings(document)]
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        for finding in findings:
            place = f"{finding.file}:{finding.line}:{finding.column}"
            click.echo(f"{place}: {finding.severity}: {finding.message} [{finding.code} at {finding.pointer or '/'}]")
        click.echo(_summary(len(documents), findings))
    if any(strict or finding.severity == "error" for finding in findings):
        raise SystemExit(BROKEN)


@click.command("compile")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["json", "xstate"]), default="json", show_default=True)
def compile_(path: Path, form: str) -> None:
    """Print the compiled definition."""
    definition = _compiled(_read(path))
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
    document = _read(_path_of(name_or_path))
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


def _files(place: Path) -> Iterator[Path]:
    """Yield the documents at *place*: the file itself, or the JSON files in a folder that are flows or lifecycles."""
    if not place.is_dir():
        yield place
        return
    yield from sorted({*place.rglob("flow.json"), *place.rglob("lifecycles/*.json"), *place.glob("*.json")})


def _path_of(name_or_path: str) -> Path:
    for path in (SHIPPED / "flows" / name_or_path / "flow.json", SHIPPED / "lifecycles" / f"{name_or_path}.json"):
        if path.is_file():
            return path
    return Path(name_or_path)


def _read(path: Path) -> Document:
    try:
        return compile_path(path)
    except OSError as error:
        click.echo(f"waystate: cannot read {path}: {error.strerror}", err=True)
        raise SystemExit(UNREADABLE) from None


def _compiled(document: Document) -> Definition:
    """Return a document's definition, or end with what is wrong with it."""
    if document.definition is None or document.errors:
        for finding in _findings(document):
            place = f"{finding.file}:{finding.line}:{finding.column}"
            click.echo(f"{place}: {finding.severity}: {finding.message} [{finding.code}]", err=True)
        raise SystemExit(BROKEN)
    return document.definition


def _findings(document: Document) -> list[Finding]:
    if not document.problems:
        return []
    place = places(document.source)
    found = []
    for problem in document.problems:
        at = place(problem.pointer)
        found.append(
            Finding(
                str(document.path), problem.severity, problem.code, problem.message, problem.pointer, at.line, at.column
            )
        )
    return sorted(found, key=lambda finding: (finding.line, finding.column, finding.code))


def _summary(documents: int, findings: list[Finding]) -> str:
    errors = sum(1 for finding in findings if finding.severity == "error")
    return f"{documents} checked: {errors} errors, {len(findings) - errors} warnings"
