"""
Writes a drawing in DOT, Graphviz's language.

Rule 1: every name and text is a quoted string; HTML-like labels are never used.
Rule 2: no mark is a colour alone. The current state has a thick border, a final one a double border, a crowd a dashed
        one; a walked arrow is thick, an unseen or inferred one dashed.
Rule 3: the definition's order runs down the page. An arrow to an earlier state is written from its end (`dir=back`),
        or Graphviz would choose for itself which arrow of a circle leads up.
"""

from collections.abc import Iterable, Iterator

from diagrams.crowds import Crowds
from diagrams.drawing import Arrow, Drawing, Group, Node
from diagrams.text import broken, distinct, plain

NAME_LENGTH = 200
TITLE_WIDTH = 24
LABEL_WIDTH = 28

_FONT = 'fontname="Helvetica,Arial,sans-serif"'
"""Graphviz measures with the first, and without font files it knows only that one's widths."""

_HEAD = f"""\
  graph [rankdir=TB, compound=true, nodesep=0.35, ranksep=0.45, pad=0.2, labeljust=l, {_FONT}, fontsize=12]
  node [shape=box, style="rounded,filled", color="#5b6775", fillcolor="#ffffff", {_FONT}, fontsize=11]
  edge [color="#5b6775", fontcolor="#333d47", {_FONT}, fontsize=9, arrowsize=0.7]"""

_START = 'label="", shape=circle, style=filled, width=0.16, color="#1f2933", fillcolor="#1f2933"'
_FRAME = 'style=rounded, color="#aab4bf", fontcolor="#333d47"'
_CROWD = 'style="rounded,dashed", fontcolor="#5b6775"'
_CURRENT = 'penwidth=3.2, color="#b45309", fillcolor="#fde68a"'
_VISITED = 'penwidth=1.8, color="#1d4ed8", fillcolor="#dbeafe"'
_WALKED = 'penwidth=2.6, color="#1d4ed8", fontcolor="#1d4ed8"'


def render_dot(drawing: Drawing) -> str:
    """Return *drawing* as DOT text, the same for the same drawing."""
    return "".join(f"{line}\n" for line in _Writer(drawing).lines())


class _Writer:
    """Writes one drawing, in which every place gets a name of its own."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._nodes = [*drawing.root.all_nodes()]
        self._names = distinct((node.id for node in self._nodes), _name)
        groups = (group.id for group in drawing.root.all_groups())
        self._frames = distinct(groups, lambda path: f"cluster_{_name(path)}")
        self._crowds = Crowds(drawing)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the whole text."""
        yield f"digraph {_quoted(self._drawing.title)} {{"
        yield _HEAD
        yield from self._inside(self._drawing.root, "  ")
        yield from self._start()
        yield from (self._arrow(arrow) for arrow in self._drawing.arrows)
        yield "}"

    def _inside(self, group: Group, indent: str) -> Iterator[str]:
        for member in group.members:
            if isinstance(member, Group):
                yield f"{indent}subgraph {_quoted(self._frames[member.id])} {{"
                yield f"{indent}  graph [label={_centred(broken(member.title, TITLE_WIDTH))}, {_FRAME}]"
                yield from self._inside(member, f"{indent}  ")
                yield f"{indent}}}"
            elif self._crowds.is_drawn(member):
                yield f"{indent}{_quoted(self._names[member.id])} [{', '.join(_look(member))}]"

    def _start(self) -> Iterator[str]:
        start = "[*]"
        while start in self._names.values():
            start += "*"
        for node in self._nodes:
            if node.initial:
                yield f"  {_quoted(start)} [{_START}]"
                yield f"  {_quoted(start)} -> {_quoted(self._names[node.id])}"

    def _arrow(self, arrow: Arrow) -> str:
        tied = self._crowds.ends(arrow)
        upwards = self._crowds.leads_up(tied)
        ends = [_quoted(self._names[tied.tail]), _quoted(self._names[tied.head])]
        if upwards:
            ends.reverse()

        look = [f"label={_beside(line for text in arrow.lines for line in broken(text, LABEL_WIDTH))}"]
        if upwards:
            look.append("dir=back")
        if tied.frame is not None:
            look.append(f"{'lhead' if upwards else 'ltail'}={_quoted(self._frames[tied.frame.id])}")
        if arrow.unseen or arrow.inferred:
            look.append("style=dashed")
        if arrow.walked:
            look.append(_WALKED)
        return f"  {' -> '.join(ends)} [{', '.join(look)}]"


def _look(node: Node) -> Iterator[str]:
    yield f"label={_centred(broken(node.words, TITLE_WIDTH))}"
    if node.crowd:
        yield _CROWD
    if node.final:
        yield "peripheries=2"
    if node.current:
        yield _CURRENT
    elif node.visited:
        yield _VISITED


def _name(path: str) -> str:
    return plain(path, NAME_LENGTH)


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _centred(lines: Iterable[str]) -> str:
    return '"' + "\\n".join(_escaped(line) for line in lines) + '"'


def _beside(lines: Iterable[str]) -> str:
    """Return the label of an arrow: left-hand lines that begin with a space, or they would touch the arrow."""
    return '"' + "".join(f" {_escaped(line)}\\l" for line in lines) + '"'


def _escaped(text: str) -> str:
    """Return *text* as it stands between quotation marks, where `&lt;` would be a character."""
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
