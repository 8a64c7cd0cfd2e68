"""What a simulation found, as values and as a text to read."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

MOST_SHOWN = 20
"""How many of a kind the text lists."""

KINDS: Mapping[str, str] = {
    "raised": "the logic raised an exception",
    "unknown_screen": "the logic leads to something that is no screen",
    "illegal_screen": "an answer leads where no route does, or where a phone refuses to go",
    "data_misfit": "the data that a screen is shown with does not fit its data model",
    "too_slow": "the logic takes longer than a phone waits",
    "too_large": "an answer is larger than Meta takes",
    "unstable": "the same call was answered in two ways",
    "form_misfit": "the logic's form does not take what a phone sends",
    "refused_move": "the machine refuses what a phone can do",
    "closed": "a session was closed that has time left",
    "not_closed": "a session that is over was answered as if it were not",
    "not_there": "a call moved a session from a screen where its phone cannot be",
}
"""The kinds of faults, and what they mean."""


class Fault(Struct, frozen=True):
    """Something that must not be: of which *kind*, on which screen, the shortest *way* to it, and how often it came."""

    kind: str
    screen: str
    message: str
    way: tuple[str, ...]
    times: int = 1


class DeadEnd(Struct, frozen=True):
    """A screen from which nothing leads on to an end, in so many situations; *way* is the shortest to one."""

    screen: str
    way: tuple[str, ...]
    situations: int = 1


class Accepted(Struct, frozen=True):
    """Values that no phone sends and that a screen took: in which *field*, and what was wrong with them."""

    screen: str
    field: str
    kinds: tuple[str, ...]


class Edge(Struct, frozen=True, order=True):
    """A way from a screen to another, or to SUCCESS."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


class Report(Struct, frozen=True, kw_only=True):
    """
    What the walk through a Flow found.

    *paths* are the ways from the opening to an end on which no situation comes twice, counted up to 10^15; each of
    their steps was taken.
    *situations* are the different ones that a phone and its session were in, *calls* those that the endpoint answered,
    by code in *outcomes*. *covered* edges were taken by what people do, *uncovered* were not. *warnings* are no faults,
    and neither is what was *accepted*. *truncated*: there was more to walk.
    """

    name: str
    paths: int
    situations: int
    calls: int
    screens: tuple[str, ...]
    unseen: tuple[str, ...]
    covered: tuple[Edge, ...]
    uncovered: tuple[Edge, ...]
    outcomes: Mapping[str, int]
    faults: tuple[Fault, ...] = ()
    dead_ends: tuple[DeadEnd, ...] = ()
    warnings: tuple[Fault, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    truncated: bool = False
    seconds: float = field(default=0.0)

    def __eq__(self, other: object) -> bool:
        """Return whether the same was found, however long it took."""
        return isinstance(other, Report) and self._found() == other._found()

    def __hash__(self) -> int:
        return hash((self.name, self.paths, self.situations, self.calls))

    def _found(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name != "seconds")

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.name}: {report.paths:,} paths, {_many(report.situations, 'situation')}, {report.calls:,} calls"
    yield ""
    screens, edges = len(report.screens), len(report.covered)
    yield f"  screens  {screens} of {screens + len(report.unseen)}"
    yield f"  edges    {edges} of {edges + len(report.uncovered)}"
    if report.outcomes:
        yield "  answers  " + " · ".join(f"{code} {count:,}" for code, count in report.outcomes.items())
    yield f"  time     {report.seconds:.1f} s"
    if report.truncated:
        yield f"  There was more to walk: only {_many(report.situations, 'situation')}."
    yield from _listed("Never seen", report.unseen)
    yield from _listed("Never taken", [str(edge) for edge in report.uncovered])
    yield from _told(
        "fault",
        [
            (f"{each.kind} on {each.screen or 'opening'}{_times(each.times)}: {each.message}", each.way)
            for each in report.faults
        ],
    )
    yield from _told(
        "dead end",
        [
            (f"{each.screen} ({_many(each.situations, 'situation')}): no end can be reached from here", each.way)
            for each in report.dead_ends
        ],
    )
    yield from _told(
        "warning",
        [(f"{each.kind} on {each.screen}{_times(each.times)}: {each.message}", each.way) for each in report.warnings],
    )
    taken = [f"{each.screen}.{each.field or '*'}: {', '.join(each.kinds)}" for each in report.accepted]
    yield from _listed("Taken, though no phone sends it", taken)
    if not report.faults and not report.dead_ends:
        yield "\nNo faults and no dead ends."


def _told(word: str, findings: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """Yield findings, each with the way to it."""
    if findings:
        yield f"\n{_many(len(findings), word)}"
    for finding, way in findings[:MOST_SHOWN]:
        yield f"\n  {finding}"
        yield from (f"    {number}. {step}" for number, step in enumerate(way, 1))
    yield from _rest(len(findings))


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"\n{title}"
    yield from (f"  {line}" for line in lines[:MOST_SHOWN])
    yield from _rest(len(lines))


def _rest(count: int) -> Iterator[str]:
    if count > MOST_SHOWN:
        yield f"  … and {count - MOST_SHOWN} more"


def _times(count: int) -> str:
    return f" ({count:,} times)" if count > 1 else ""


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
