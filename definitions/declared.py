"""
What a folder's `bindings.py` declares, read without running it: a check of documents runs no code of an author's.

Read are `@guard`, `projection("NAME")` and `effect("NAME", …)` of `definitions.binding`, under whatever names they were
imported, in the file and in the modules beside it that it imports. A name that is made while the code runs is not seen.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

BINDINGS = "bindings.py"

BINDING, COMPOSING = "definitions.binding", "definitions.messages.compose"
GUARD, PROJECTION, EFFECT, MESSAGE = "guard", "projection", "effect", "message"

OUTCOMES = ("done", "dead", "accepted", "refused")
"""What an effect may tell who asked for it."""

_MODULES = {BINDING: (GUARD, PROJECTION, EFFECT), COMPOSING: (MESSAGE,)}


class Declared(Struct, frozen=True):
    """
    Names that documents may use.

    *said* are the effects among them that are said by message; *outcomes* are (effect, event), what they tell.
    """

    guards: frozenset[str] = frozenset()
    projections: frozenset[str] = frozenset()
    effects: frozenset[str] = frozenset()
    said: frozenset[str] = frozenset()
    outcomes: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: "Declared") -> "Declared":
        """Return what either declares."""
        return Declared(
            self.guards | other.guards,
            self.projections | other.projections,
            self.effects | other.effects,
            self.said | other.said,
            self.outcomes | other.outcomes,
        )


def declared(folder: Path) -> Declared:
    """Return what the code of a folder of definitions declares; code that is no Python declares nothing."""
    return _declared_in(folder / BINDINGS, set())


def _declared_in(path: Path, read: set[Path]) -> Declared:
    if path in read or not path.is_file():
        return Declared()
    read.add(path)
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return Declared()
    found = _Reader(tree).declared()
    for beside in _imported_from_beside(tree, path.parent):
        found |= _declared_in(beside, read)
    return found


def _imported_from_beside(tree: ast.Module, folder: Path) -> Iterator[Path]:
    """Yield the files in *folder* that a module imports: `from .gifts import …`, `from . import gifts`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                place = folder.joinpath(*name.split("."))
                yield from (place.with_name(f"{place.name}.py"), place / "__init__.py")


class _Reader:
    """Reads one module."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._names: dict[str, str] = {}  # what stands for a binding: `effect`, `e`, `binding.effect`
        self._texts: dict[str, str] = {}  # the constants that are texts
        for node in ast.walk(tree):
            self._take(node)

    def declared(self) -> Declared:
        """Return what the module declares."""
        guards, projections, effects, said = set[str](), set[str](), set[str](), set[str]()
        outcomes = set[tuple[str, str]]()
        for node in ast.walk(self._tree):
            if isinstance(node, ast.FunctionDef) and any(self._means(each) == GUARD for each in node.decorator_list):
                guards.add(node.name)
            if not isinstance(node, ast.Call):
                continue
            kind = self._means(node.func)
            if kind == PROJECTION:
                projections |= self._named(node)
            elif kind == EFFECT:
                effects |= self._named(node)
                told = {self._text(each.value) for each in node.keywords if each.arg in OUTCOMES} - {""}
                outcomes |= {(name, event) for name in self._named(node) for event in told}
            elif kind == GUARD:
                guards |= {each.id for each in node.args if isinstance(each, ast.Name)}
            elif isinstance(node.func, ast.Call) and self._means(node.func.func) == EFFECT:
                said |= self._named(node.func) if any(self._means(each) == MESSAGE for each in node.args) else set()
        return Declared(
            frozenset(guards), frozenset(projections), frozenset(effects), frozenset(said), frozenset(outcomes)
        )

    def _take(self, node: ast.AST) -> None:
        """Take the names that an import or an assignment gives."""
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                if alias.name in _MODULES.get(node.module or "", ()):
                    self._names[alias.asname or alias.name] = alias.name
                self._take_module(f"{node.module}.{alias.name}", alias.asname or alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self._take_module(alias.name, alias.asname or alias.name)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            value = node.value.value
            if isinstance(value, str):
                self._texts |= {target.id: value for target in node.targets if isinstance(target, ast.Name)}

    def _take_module(self, module: str, name: str) -> None:
        self._names |= {f"{name}.{each}": each for each in _MODULES.get(module, ())}

    def _means(self, node: ast.expr) -> str:
        """Return what an expression stands for, "" if it is no binding."""
        return self._names.get(ast.unparse(node), "") if isinstance(node, ast.Name | ast.Attribute) else ""

    def _named(self, call: ast.Call) -> set[str]:
        """Return the name that a call declares, if it can be read."""
        given = call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == "name"), None)
        return {self._text(given)} - {""} if given is not None else set()

    def _text(self, node: ast.expr) -> str:
        """Return the text that an expression is, "" if that cannot be read."""
        if isinstance(node, ast.Name):
            return self._texts.get(node.id, "")
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
