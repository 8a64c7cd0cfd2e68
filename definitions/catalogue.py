"""
All definitions that run: compiled, proven, bound to their code, by name and version.

A folder of definitions has `flows/NAME/flow.json` with `screens.py` beside it, `lifecycles/NAME.json`,
`couriers/NAME.json`, `words/LANGUAGE.json`, `products.json`, `webhooks.json`, `messages.json`, and `bindings.py` for
guards, projections and effects of its own. What a later folder has replaces what an earlier one has of that name.
Versions of a Flow that are not current any more may stand in `flows/NAME/earlier/LABEL/`, document and logic alike, for
as long as sessions are on them; one that does not is served by the current logic.

Rule 1: a definition with an error stops the loading; nothing runs that is not proven.
Rule 2: an instance's interpreter is that of its own version, however old.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from definitions import (  # noqa: F401 - importing them binds the names of the shipped documents
    effects,
    flow_health,
    guards,
    inquiries,
    products,
    results,
)
from definitions.author_code import load_code
from definitions.binding import EFFECTS, GUARDS, PROJECTIONS
from definitions.declared import BINDINGS, OUTCOMES, Declared, declared
from definitions.flow_calls import Flow
from definitions.flow_compiler import compile_flow
from definitions.flow_json.document import FlowDocument, looks_like_flow, read_document
from definitions.flow_messages import FlowMessage, flow_message
from definitions.json_text import Position, decode_document, places, repeated_keys
from definitions.lifecycle import compile_lifecycle
from definitions.logic import logic_problems
from definitions.messages import document as messages_document
from definitions.messages.compose import message
from definitions.messages.document import Around, Messages
from definitions.orders import couriers, timeline  # noqa: F401 - likewise
from definitions.orders.couriers import Courier
from definitions.people import consent  # noqa: F401 - likewise
from definitions.people import effects as answers  # noqa: F401 - likewise
from definitions.screens import Screens
from definitions.words import document as words_document
from engine.errors import DefinitionError, Problem, UnknownInstance
from engine.family import OpenedInterpreter
from engine.interpreter import Interpreter
from engine.model import Definition
from engine.ports import Store, Version

SHIPPED = Path(__file__).parent
"""The folder of the definitions that ship."""

NDR_CASE = "ndr_case"
"""The definition whose instances begin with their courier's terms."""

SHIPMENT = "shipment"
"""The definition that takes what couriers' words mean."""

LIFECYCLES = "lifecycles"
"""The folder of the lifecycles, in a folder of definitions."""

MAX_RAISES = 4
"""How many definitions long a chain of raises may be."""

REMEMBERED = 64
"""How many documents' compilations are remembered: whoever tests on many servers compiles what ships once."""

_NOTHING = Declared()

Kind = Literal["flow", "lifecycle", "messages", "products", "webhooks", "courier", "words"]


class Document(Struct, frozen=True):
    """
    A document, compiled: the definition if it is well formed, and everything that is wrong with it.

    *flow* is what a Flow's document says beside its machine.
    """

    name: str
    kind: Kind
    source: bytes
    definition: Definition | None
    problems: tuple[Problem, ...]
    path: Path | None = None
    flow: FlowDocument | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return the problems that keep it from running."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def compile_document(name: str, source: bytes, path: Path | None = None, beside: Declared = _NOTHING) -> Document:
    """
    Return what the text of a Flow or of a lifecycle compiles to; which of the two it is, its content says.

    A lifecycle may use what is bound and what the code *beside* it declares, though that was not run.
    """
    return _compile(name, source, path, _bound() | beside)


def _compile(name: str, source: bytes, path: Path | None, known: Declared) -> Document:
    try:
        is_flow = looks_like_flow(decode_document(source))
    except msgspec.DecodeError as error:
        return Document(name, "lifecycle", source, None, (Problem("", "INVALID_JSON", str(error)),), path)
    twice = _twice(source)
    if is_flow:
        compiled = compile_flow(name, source)
        problems = tuple(sorted([*compiled.problems, *twice]))
        return Document(name, "flow", source, compiled.definition, problems, path, compiled.flow)
    lifecycle = compile_lifecycle(source, known.guards, known.effects, known.projections, known.outcomes)
    problems = tuple(sorted([*lifecycle.problems, *twice]))
    return Document(name, "lifecycle", source, lifecycle.definition, problems, path)


_compile_once = lru_cache(REMEMBERED)(_compile)


def compile_path(path: Path) -> Document:
    """
    Return what the file at *path* compiles to, with all that is wrong with it, and no code of its folder run.

    Its name and its folder's say what it is. A `flow.json` has the name of its folder.
    """
    where = path.absolute().parent
    if path.name == messages_document.NAME:
        return _messages_checked(path)
    if path.name == products.FILE:
        return _settings_checked(path, "products", products.check(path.read_bytes()))
    if path.name == results.FILE:
        return _settings_checked(path, "webhooks", results.check(path.read_bytes()))
    if where.name == couriers.FOLDER:
        return _settings_checked(path, "courier", couriers.check(path, _facts_beside(where.parent)))
    if where.name == words_document.FOLDER:
        return _settings_checked(path, "words", words_document.check(path))
    folder = where.parent if where.name == LIFECYCLES else where
    return _compiled(path, declared(folder))


def _compiled(path: Path, beside: Declared = _NOTHING) -> Document:
    """Return what a Flow or a lifecycle compiles to that stands at *path*."""
    name = path.parent.name if path.name == "flow.json" else path.stem
    return _compile_once(name, path.read_bytes(), path, _bound() | beside)


def _bound() -> Declared:
    """Return what is bound to code by now."""
    said = (name for name, promise in EFFECTS.items() if promise.composer is message)
    told = ((name, getattr(promise, each)) for name, promise in EFFECTS.items() for each in OUTCOMES)
    outcomes = frozenset((name, event) for name, event in told if event)
    return Declared(frozenset(GUARDS), frozenset(PROJECTIONS), frozenset(EFFECTS), frozenset(said), outcomes)


class Catalogue:
    """The current version of every definition, and the older ones that instances are pinned to."""

    def __init__(
        self,
        documents: Iterable[Document],
        logic: Mapping[str, Screens],
        earlier: Iterable[tuple[Document, Screens]] = (),
        adapters: Mapping[str, Courier] | None = None,
    ) -> None:
        self.couriers = couriers.load() if adapters is None else adapters
        self.products: products.Products = {}
        self.messages = Messages()
        self.flow_messages: dict[str, FlowMessage] = {}
        self.documents: dict[str, Document] = {}
        self._current: dict[str, Interpreter] = {}
        self._pinned: dict[tuple[str, str], Interpreter] = {}
        self._flows: dict[tuple[str, str], Flow] = {}
        self._logic = logic
        self._earlier: dict[tuple[str, bytes], Screens] = {}
        for document in documents:
            definition = _proven(document)
            if definition.name != document.name:
                problem = Problem("/id", "INVALID_PROPERTY_VALUE", f"the file of {definition.name} is named after it")
                raise DefinitionError(_place(document, problem), (problem,))
            self.documents[document.name] = document
            self._current[document.name] = self._keep(definition, document.flow, logic.get(document.name))
        for document, screens in earlier:
            self._earlier[document.name, _content(decode_document(document.source))] = screens
            self._keep(_proven(document), document.flow, screens)
        self._check_raises()

    @classmethod
    def load(cls, folders: Iterable[Path] = ()) -> "Catalogue":
        """
        Return the shipped definitions and those of *folders*.

        Raises:
            DefinitionError: one of them is wrong; the message says where and what.
        """
        for folder in folders:
            if (folder / BINDINGS).exists():
                load_code(folder / BINDINGS)
        paths = _paths(folders)
        documents = [_compiled(path) for path in paths.values()]
        logic = {document.name: read_logic(document) for document in documents if document.kind == "flow"}
        catalogue = cls(documents, logic, [*_earlier(paths)], couriers.load(folders, _facts(documents)))
        catalogue.products = products.load((SHIPPED / "orders", *folders))
        catalogue.messages = messages_document.load(folders, _around(documents, _bound()))
        catalogue.flow_messages = {
            document.name: flow_message(document.path) for document in documents if document.flow
        }
        results.bind_endpoints(folders)
        words_document.words_of(tuple(folders))
        return catalogue

    async def keep_versions(self, store: Store) -> None:
        """Store the current versions, and take from the store the older ones that instances may be pinned to."""
        for document in self.documents.values():
            definition = self._current[document.name].definition
            compiled = msgspec.json.encode(definition)
            await store.save_version(Version(definition.name, definition.version, compiled, document.source))
        for version in await store.versions():
            if (version.name, version.version) not in self._pinned:
                definition = msgspec.json.decode(version.compiled, type=Definition)
                if version.name not in self._logic:
                    self._keep(definition, None, None)
                    continue
                document = decode_document(version.source)
                screens = self._earlier.get((version.name, _content(document)), self._logic[version.name])
                self._keep(definition, read_document(document), screens)

    def __iter__(self) -> Iterator[Interpreter]:
        return iter(self._current.values())

    def __contains__(self, name: object) -> bool:
        return name in self._current

    def interpreter(self, name: str, version: str | None = None) -> Interpreter:
        """
        Return what runs that version of a definition, or its current one.

        Raises:
            UnknownInstance: there is no such definition or version.
        """
        found = self._current.get(name) if version is None else self._pinned.get((name, version))
        if found is None:
            raise UnknownInstance(name)
        return found

    def flow(self, name: str, version: str | None = None) -> Flow:
        """
        Return that version of a Flow, or its current one.

        Raises:
            UnknownInstance: there is no such Flow or version.
        """
        pinned = self.interpreter(name, version).definition.version
        found = self._flows.get((name, pinned))
        if found is None:
            raise UnknownInstance(name)
        return found

    def opens(self, name: str) -> bool:
        """
        Return whether a session of that definition may be opened by itself.

        It is a lifecycle whose events count as they arrive, and not what ships: that is opened by what it is about.
        """
        if (
            name not in self
            or self.documents[name].kind != "lifecycle"
            or (SHIPPED / LIFECYCLES / f"{name}.json").exists()
        ):
            return False
        return self.interpreter(name).definition.ordering == "arrival"

    @property
    def flows(self) -> tuple[str, ...]:
        """Return the names of the Flows."""
        return tuple(document.name for document in self.documents.values() if document.kind == "flow")

    def _keep(self, definition: Definition, flow: FlowDocument | None, screens: Screens | None) -> Interpreter:
        if definition.name == NDR_CASE:
            opening = partial(couriers.case_context, self.couriers)
            interpreter: Interpreter = OpenedInterpreter(definition, GUARDS, PROJECTIONS, opening)
        else:
            interpreter = Interpreter(definition, GUARDS, PROJECTIONS)
        self._pinned[definition.name, definition.version] = interpreter
        if flow is not None:
            self._flows[definition.name, definition.version] = Flow(flow, interpreter, screens or Screens())
        return interpreter

    def _check_raises(self) -> None:
        """Refuse definitions that raise in a circle, too far, or what nobody is there to hear."""
        told = {
            name: {told.definition for arrow in runs.definition.transitions for told in arrow.raises}
            for name, runs in self._current.items()
        }
        for name in told:
            chains = [[name]]
            while chains:
                chain = chains.pop()
                fault = _raise_fault(chain, told)
                if fault:
                    problem = Problem("/meta/raise", "INVALID_RAISE", fault)
                    raise DefinitionError(_place(self.documents[name], problem), (problem,))
                chains += [[*chain, listener] for listener in told[chain[-1]]]


def _raise_fault(chain: list[str], told: Mapping[str, set[str]]) -> str:
    if chain[-1] not in told:
        return f"{chain[-2]} tells {chain[-1]}, which does not exist"
    if chain[-1] in chain[:-1]:
        return f"definitions tell each other in a circle: {' -> '.join(chain)}"
    if len(chain) > MAX_RAISES:
        return f"more than {MAX_RAISES} definitions tell one another: {' -> '.join(chain)}"
    return ""


def _paths(folders: Iterable[Path]) -> dict[str, Path]:
    """Return where the documents are that ship and that *folders* have, by their names."""
    paths: dict[str, Path] = {}
    for folder in (SHIPPED, *folders):
        paths.update({path.parent.name: path for path in sorted(folder.glob("flows/*/flow.json"))})
        paths.update({path.stem: path for path in sorted(folder.glob(f"{LIFECYCLES}/*.json"))})
    return paths


def _messages_checked(path: Path) -> Document:
    """Return what is wrong with a file of messages, beside the definitions that ship and those of its folder."""
    source, beside = path.read_bytes(), declared(path.parent)
    around = _around([_compiled(each, beside) for each in _paths([path.parent]).values()], _bound() | beside)
    problems = messages_document.check(source, path, around)
    return Document(path.stem, "messages", source, None, problems, path)


def _settings_checked(path: Path, kind: Kind, problems: tuple[Problem, ...]) -> Document:
    """Return what is wrong with a file that is no definition."""
    source = path.read_bytes()
    twice = () if any(problem.code == "INVALID_JSON" for problem in problems) else _twice(source)
    return Document(path.stem, kind, source, None, tuple(sorted([*problems, *twice])), path)


def _twice(source: bytes) -> list[Problem]:
    return [
        Problem(pointer, "DUPLICATE_KEY", "this key is here twice, and only the last is read", "warning")
        for pointer in repeated_keys(source)
    ]


def _facts_beside(folder: Path) -> frozenset[str]:
    """Return what the shipments of a folder of definitions take, or those that ship where it has none of its own."""
    return _facts([_compiled(_paths([folder])[SHIPMENT], declared(folder))])


def _facts(documents: Collection[Document]) -> frozenset[str]:
    """Return the events that shipments take; none, where their document is not well formed."""
    shipments = (document.definition for document in documents if document.name == SHIPMENT)
    return frozenset(arrow.event for each in shipments if each is not None for arrow in each.transitions)


def _around(documents: Collection[Document], known: Declared) -> Around:
    """Return what a file of messages may name."""
    definitions = {document.name: document.definition for document in documents if document.definition is not None}
    case = definitions.get(NDR_CASE)
    asked = {effect for arrow in case.transitions for effect in arrow.effects} if case else set()
    return Around(
        events=known.said,
        about_cases=known.said & asked,
        flows=frozenset(document.name for document in documents if document.flow and document.flow.has_endpoint),
        tags=frozenset(tag for each in definitions.values() for state in each.states for tag in state.tags),
    )


def _proven(document: Document) -> Definition:
    """
    Return the definition of a document.

    Raises:
        DefinitionError: something keeps it from running.
    """
    if document.definition is None or document.errors:
        raise DefinitionError(_place(document, document.errors[0]), document.errors)
    return document.definition


def _content(document: Any) -> bytes:
    """Return what a decoded document says, however it was written."""
    return msgspec.json.encode(document, order="sorted")


def _earlier(paths: Mapping[str, Path]) -> Iterator[tuple[Document, Screens]]:
    """Yield the versions of the Flows at *paths* that stand beside them as earlier ones, with their logic."""
    for name, path in paths.items():
        for old in sorted(path.parent.glob("earlier/*/flow.json")) if path.name == "flow.json" else ():
            document = compile_document(name, old.read_bytes(), old)
            yield document, read_logic(document)


def read_logic(document: Document) -> Screens:
    """
    Return the logic of the Flow that a document is, from the `screens.py` beside it, checked against it.

    Raises:
        DefinitionError: logic is bound to screens that are not there, or screens that ask for logic have none.
    """
    if document.path is None:
        return Screens()
    code = document.path.parent / "screens.py"
    screens = getattr(load_code(code), "screens", None) if code.exists() else Screens()
    if not isinstance(screens, Screens):
        message = "it binds no logic: write `screens = Screens()` (definitions.screens), and decorate with that"
        raise DefinitionError(str(code), (Problem("", "INVALID_LOGIC", message),))
    if document.flow is None or document.definition is None or document.errors:
        return screens  # what is wrong with the document comes first
    problems = sorted(logic_problems(document.flow, document.definition, screens))
    if problems:
        place = places(document.source)
        error = DefinitionError(str(code), tuple(_placed(problem, place) for problem in problems))
        for problem in error.problems[1:]:
            error.add_note(problem.message)  # for a test, which shows the error as it was raised
        raise error
    return screens


def _placed(problem: Problem, place: Callable[[str], Position]) -> Problem:
    """Return a problem of the logic with the place in its document that it speaks of."""
    if not problem.pointer:
        return problem
    at = place(problem.pointer)
    return replace(problem, message=f"{problem.message} (flow.json:{at.line}:{at.column})")


def _place(document: Document, problem: Problem) -> str:
    """Return a document's file with the line and column of *problem*."""
    if document.path is None:
        return document.name
    at = places(document.source)(problem.pointer)
    return f"{document.path}:{at.line}:{at.column}"
