"""
`python -m definitions.flow_json.pages docs`: writes the pages about Flow JSON and its rules, from the tables of both.

A page for each rule, one of all rules, one of Meta's codes, one of the language by version. They are committed; a test
compares them with what is written now.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from definitions.flow_json.codes import META_CODES, NEVER
from definitions.flow_json.linter import lint
from definitions.flow_json.rule import RULES, Rule
from definitions.flow_json.table import ACTIONS, COMPONENTS, OLDEST, SHAPES, Property, Shape, Version
from definitions.json_text import places

EXAMPLE_LINES = 200
"""How many lines of an example a page shows, and how much of a line; what breaks a limit of size is longer."""


def pages() -> dict[str, str]:
    """Return every page, by its path in the documentation."""
    return {
        "flow-json.md": _language(),
        "rules/README.md": _index(),
        "rules/codes.md": _codes(),
        **{f"rules/{rule.id}.md": _page(rule) for rule in RULES.values()},
    }


def write(folder: Path) -> None:
    """Write the pages into *folder*, and remove those of rules that are no more."""
    written = pages()
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    for old in (folder / "rules").glob("*.md"):
        if f"rules/{old.name}" not in written:
            old.unlink()
    for path, content in written.items():
        (folder / path).write_text(content, encoding="utf-8")


# Rules


def _index() -> str:
    lines = [
        "# The rules of Flow JSON",
        "",
        "What `waystate check` looks for in a Flow. An *error* is what Meta refuses; a *warning* what Meta takes and a",
        "customer sees, or where Meta's own examples break Meta's written rule. [The codes](codes.md) are Meta's where",
        "Meta has one.",
        "",
        "| rule | | code | what it demands |",
        "|---|---|---|---|",
        *(
            f"| [{rule.id}]({rule.id}.md) | {rule.severity} | `{rule.code}` | {_cell(rule.says)} |"
            for rule in _sorted()
        ),
    ]
    return "\n".join(lines) + "\n"


def _codes() -> str:
    told: dict[str, list[Rule]] = {}
    for rule in _sorted():
        told.setdefault(rule.code, []).append(rule)
    ours = sorted(told.keys() - META_CODES)
    lines = [
        "# The codes",
        "",
        "All codes by which Meta says what is wrong with a document, and the rules that tell them here.",
        "",
        "| code | rules |",
        "|---|---|",
        *(f"| `{code}` | {_rules(told.get(code, [])) or NEVER[code]} |" for code in sorted(META_CODES)),
        "",
        "Where Meta has no code, the code is ours:",
        "",
        "| code | rules |",
        "|---|---|",
        *(f"| `{code}` | {_rules(told[code])} |" for code in ours),
    ]
    return "\n".join(lines) + "\n"


def _page(rule: Rule) -> str:
    lines = [
        f"# {rule.id}",
        "",
        f"{rule.says}",
        "",
        f"{rule.severity.capitalize()} `{rule.code}`. {rule.why}",
        "",
        f"Source: {_source(rule.source)}.",
        "",
        "## Breaks it",
        "",
        *_broken(rule),
        "",
        "## Keeps it",
        "",
        *_example(rule.keeps),
    ]
    return "\n".join(lines) + "\n"


def _broken(rule: Rule) -> Iterator[str]:
    if callable(rule.breaks):
        yield "A document too long to show here."
        return
    yield from _example(rule.breaks)
    yield ""
    source = _source_of(rule.breaks)
    place = places(source)
    found = [problem for problem in lint(source).problems if problem.rule == rule.id]
    for problem in found[:3]:
        yield f"- line {place(problem.pointer).line}, `{problem.pointer or '/'}`: {problem.message}"


def _example(document: Any) -> list[str]:
    lines = _source_of(document).decode().split("\n")
    cut = [*lines[:EXAMPLE_LINES], "… and so on"] if len(lines) > EXAMPLE_LINES else lines
    return ["```json", *(line if len(line) <= EXAMPLE_LINES else f"{line[:EXAMPLE_LINES]}…" for line in cut), "```"]


def _source_of(document: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document))


def _source(source: str) -> str:
    return f"<{source}>" if source.startswith("https:") else source


def _rules(rules: list[Rule]) -> str:
    return ", ".join(f"[{rule.id}]({rule.id}.md)" for rule in rules)


def _sorted() -> list[Rule]:
    return sorted(RULES.values(), key=lambda rule: rule.id)


# The language


def _language() -> str:
    lines = [
        "# Flow JSON, by version",
        "",
        "All that a document can say, from the table that the linter reads. *Since* and *required* are versions; what",
        "has none has been there since 2.1. *Dynamic* properties take an expression in the place of a value. Texts",
        "are *cut* on the phone after so many characters.",
    ]
    others = [shape for shape in SHAPES.values() if shape.name not in COMPONENTS and shape.name not in ACTIONS]
    for title, shapes in (
        ("Documents, screens, items", others),
        ("Actions", list(ACTIONS.values())),
        ("Components", list(COMPONENTS.values())),
    ):
        lines += ["", f"## {title}"]
        for shape in shapes:
            lines += ["", *_shape(shape)]
    return "\n".join(lines) + "\n"


def _shape(shape: Shape) -> Iterator[str]:
    component = COMPONENTS.get(shape.name)
    yield f"### {shape.name}"
    yield ""
    facts = [] if shape.since == OLDEST else [f"since {_version(shape.since)}"]
    if component is not None and component.per_screen:
        facts.append(f"at most {component.per_screen} a screen")
    if component is not None and component.within:
        facts.append("also in " + ", ".join(_within(name, since, shape.since) for name, since in component.within))
    if component is not None and component.value:
        facts.append(f"`${{form.…}}` is: {component.value}")
    if facts:
        yield f"{'; '.join(facts).capitalize()}." if facts[0].islower() else f"{'; '.join(facts)}."
        yield ""
    yield "| property | holds | since | required | dynamic | limits |"
    yield "|---|---|---|---|---|---|"
    yield from (_property(each, shape.since) for each in shape.properties)


def _within(name: str, since: Version, known: Version) -> str:
    return f"{name} (from {_version(since)})" if since > max(known, OLDEST) else name


def _property(each: Property, known: Version) -> str:
    since = _version(each.since) if each.since > max(known, OLDEST) else ""
    required = ""
    if each.required is not None:
        required = "yes" if each.required <= known else f"from {_version(each.required)}"
    cells = (f"`{each.name}`", _holds(each), since, required, "yes" if each.dynamic else "", _limits(each))
    return f"| {' | '.join(cells)} |"


def _holds(each: Property) -> str:
    if each.actions:
        return ", ".join(
            f"`{name}`" + (f" (from {_version(since)})" if since > max(each.since, OLDEST) else "")
            for name, since in each.actions
        )
    if each.values:
        return ("list of " if each.kind == "enums" else "") + ", ".join(f"`{value}`" for value in each.values)
    return f"{each.kind}: {each.shape}" if each.shape and each.kind == "shape" else each.kind


def _limits(each: Property) -> str:
    limits = [f"cut after {each.cut}"] if each.cut else []
    if each.least is not None or each.most is not None:
        limits.append(f"{'' if each.least is None else each.least}…{'' if each.most is None else each.most}")
    return "; ".join(limits)


def _version(version: Version) -> str:
    return ".".join(map(str, version))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
