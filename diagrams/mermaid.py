"""
Writes a drawing in Mermaid's language for state diagrams.

Rule 1: names are letters, digits and underscores behind a prefix, so that none can be a word of the language.
Rule 2: of a text, only what is on a short list of harmless characters stands as it is; the rest is written as entity
        codes (`#60;`). The one tag is our own `<br/>`.
Rule 3: Mermaid draws all arrows alike, so what is special about one is said in its label.
Rule 4: what leads back to where it starts is written in the state: Mermaid's loops cover their neighbours' labels.
"""

import re
import unicodedata
from collections.abc import Iterator

from diagrams.drawing import Arrow, Drawing, Group, Node
from diagrams.text import broken, distinct

LABEL_WIDTH = 28

_HARMLESS = " _-.,()[]/+=!?|'…\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_CATEGORIES = ("L", "M", "N", "So", "Pd", "Pi", "Pf")
"""Letters, the marks on them, numbers; emoji and other symbols; dashes and the quotation marks that are not ASCII's."""

_MISREAD = re.compile(
    r"(?<=directio)n(?= )"  # `direction LR`, wherever it stands in a line, is a command
    r"|(?<=\[)\["  # `[[fork]]` makes a bar of a state
    r"|(?<=\])\(|(?<=www)\."  # Markdown's links
    r"|(?<![^\W_])_|_(?![^\W_])",  # and its emphasis
    re.IGNORECASE,
)
"""Harmless characters in the places where they are not."""

_STYLES = {
    "visited": "fill:#dbeafe,stroke:#1d4ed8,stroke-width:2px,color:#1f2933",
    "final": "stroke-width:2px",
    "crowd": "fill:#ffffff,color:#5b6775,stroke-dasharray:4 3",
    "current": "fill:#fde68a,stroke:#b45309,stroke-width:4px,color:#1f2933,font-weight:bold",
}


def render_mermaid(drawing: Drawing) -> str:
    """Return *drawing* as Mermaid text, the same for the same drawing."""
    return "".join(f"{line}\n" for line in _Writer(drawing).lines())


class _Writer:
    """Writes one drawing, in which every place gets a name of its own."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._nodes = [*drawing.root.all_nodes()]
        crowds = {node.id for node in self._nodes if node.crowd}
        self._names = distinct((n.id for n in self._nodes), lambda path: _name("any" if path in crowds else "s", path))
        self._frames = distinct((group.id for group in drawing.root.all_groups()), lambda path: _name("g", path))

    def lines(self) -> Iterator[str]:
        """Yield the lines of the whole text."""
        yield "stateDiagram-v2"
        yield f"    accTitle: {_text(self._drawing.title)}"
        yield "    direction TB"
        yield from self._inside(self._drawing.root, "    ")
        yield from (f"    [*] --> {self._names[node.id]}" for node in self._nodes if node.initial)
        yield from (self._arrow(arrow) for arrow in self._drawing.arrows)
        yield from self._styles()

    def _inside(self, group: Group, indent: str) -> Iterator[str]:
        for member in group.members:
            if isinstance(member, Group):
                yield f'{indent}state "{_text(member.title)}" as {self._frames[member.id]} {{'
                yield f"{indent}    direction TB"
                yield from self._inside(member, f"{indent}    ")
                yield f"{indent}}}"
            else:
                yield f'{indent}state "{_text(member.words)}" as {self._names[member.id]}'
        for member in group.members:
            if isinstance(member, Node) and member.final:
                yield f"{indent}{self._names[member.id]} --> [*]"

    def _arrow(self, arrow: Arrow) -> str:
        label = "<br/>".join(_text(line) for text in _marked(arrow) for line in broken(text, LABEL_WIDTH))
        if arrow.source == arrow.target:
            return f"    {self._names[arrow.source]} : {label}"
        return f"    {self._names[arrow.source]} --> {self._names[arrow.target]} : {label}"

    def _styles(self) -> Iterator[str]:
        marked = {
            "visited": [node for node in self._nodes if node.visited],
            "final": [node for node in self._nodes if node.final],
            "crowd": [node for node in self._nodes if node.crowd],
            "current": [node for node in self._nodes if node.current],
        }
        for name, nodes in marked.items():
            if nodes:
                yield f"    classDef {name} {_STYLES[name]}"
                yield f"    class {','.join(self._names[node.id] for node in nodes)} {name}"


def _marked(arrow: Arrow) -> Iterator[str]:
    """Yield what is written at the arrow with what is special about it."""
    before = "✓ " if arrow.walked else ""
    after = " (inferred)" if arrow.inferred else " (unseen)" if arrow.unseen else ""
    loop = "↻ " if arrow.source == arrow.target else ""
    for line in arrow.lines:
        yield f"{before}{loop}{line}{after}"


def _name(prefix: str, path: str) -> str:
    return f"{prefix}_{re.sub('[^A-Za-z0-9]+', '_', path)}".rstrip("_")


def _text(text: str) -> str:
    """Return *text* with nothing in it that means something to Mermaid, to Markdown or in HTML."""
    unlike_codes = text.replace("ﬂ", "fl")  # with this letter, Mermaid itself writes entity codes while it works
    coded = "".join(char if _harmless(char) else f"#{ord(char)};" for char in unlike_codes)
    return _MISREAD.sub(lambda found: f"#{ord(found[0])};", coded)


def _harmless(char: str) -> bool:
    return char in _HARMLESS or unicodedata.category(char).startswith(_CATEGORIES)
