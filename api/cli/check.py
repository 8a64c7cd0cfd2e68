"""
`waystate check`: what is wrong with documents, each fault with its place.

It imports nothing that serves: whoever checks a document at every keystroke should not wait for a web framework.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from definitions.catalogue import Document, compile_path
from definitions.json_text import places
from engine.errors import DefinitionError

BROKEN, UNREADABLE = 1, 2

DOCUMENTS = ("flow.json", "lifecycles/*.json", "couriers/*.json", "words/*.json")
"""Where the documents of a folder are, however deep; its own JSON files are documents, too."""

EXCERPT = 100
"""How many characters of a source line are shown around a fault."""


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
    """Check Flow JSON, lifecycles, adapters of couriers, texts, and the other files of a folder of definitions."""
    documents = [read(path) for path in dict.fromkeys(path for place in paths for path in _files(place))]
    if not documents:
        click.echo(f"waystate: there is nothing to check in {', '.join(map(str, paths))}", err=True)
        raise SystemExit(UNREADABLE)
    findings = [finding for document in documents for finding in findings_of(document)]
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        for document in documents:
            for line in told(document):
                click.echo(line)
        click.echo(_summary(len(documents), findings))
    if any(strict or finding.severity == "error" for finding in findings):
        raise SystemExit(BROKEN)


def _files(place: Path) -> Iterator[Path]:
    """Yield the documents at *place*: the file itself, or the JSON files in a folder that say what runs, and how."""
    if not place.is_dir():
        yield place
        return
    found = {path for pattern in DOCUMENTS for path in place.rglob(pattern)}
    yield from sorted({*found, *place.glob("*.json")})


def read(path: Path) -> Document:
    """Return the document at *path*, or end with why it cannot be read."""
    try:
        return compile_path(path)
    except OSError as error:
        click.echo(f"waystate: cannot read {path}: {error.strerror}", err=True)
        raise SystemExit(UNREADABLE) from None


def told(document: Document) -> Iterator[str]:
    """Yield all that is wrong with a document for people to read: each fault, its line, and a caret under its place."""
    lines = document.source.decode(errors="replace").split("\n")
    for finding, rule in _placed(document):
        place = f"{finding.file}:{finding.line}:{finding.column}"
        named = f"{finding.code}, rule {rule}" if rule else finding.code
        yield f"{place}: {finding.severity}: {finding.message} [{named}]"
        yield from _excerpt(lines[finding.line - 1].rstrip("\r"), finding)


def refusals(error: DefinitionError) -> Iterator[str]:
    """Yield why a definition may not run: all that its code does wrong, of a document the first and what tells more."""
    file = error.name.partition(":")[0]
    if Path(file).suffix == ".py":
        yield from (f"{error.name}: {problem.message}" for problem in error.problems)
    else:
        first = error.problems[0]
        yield f"{error.name}: {first.pointer or '/'}: {first.message}; see `waystate check {file}`"


def _excerpt(line: str, finding: Finding) -> Iterator[str]:
    """Yield the source line of a finding, as much of it as fits, and a caret."""
    begin = max(0, finding.column - 1 - EXCERPT // 2) if len(line) > EXCERPT else 0
    shown = line[begin : begin + EXCERPT].replace("\t", " ")
    before, after = "…" if begin else "", "…" if begin + EXCERPT < len(line) else ""
    margin = f"{finding.line:>6} | "
    yield f"{margin}{before}{shown}{after}"
    yield f"{'^':>{len(margin) + len(before) + finding.column - begin}}"


def findings_of(document: Document) -> list[Finding]:
    """Return all that is wrong with a document, in the order of the places."""
    return [finding for finding, _ in _placed(document)]


def _placed(document: Document) -> list[tuple[Finding, str]]:
    """Return a document's findings in the order of their places, each with the id of its rule."""
    if not document.problems:
        return []
    place = places(document.source)
    found = []
    for problem in document.problems:
        at = place(problem.pointer)
        finding = Finding(
            str(document.path), problem.severity, problem.code, problem.message, problem.pointer, at.line, at.column
        )
        found.append((finding, problem.rule))
    return sorted(found, key=lambda each: (each[0].line, each[0].column, each[0].code, each[1]))


def _summary(documents: int, findings: list[Finding]) -> str:
    errors = sum(1 for finding in findings if finding.severity == "error")
    return f"{documents} checked: {errors} errors, {len(findings) - errors} warnings"
