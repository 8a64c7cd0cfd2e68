"""Definitions of any shape, with any text in them, and runs of them."""

from hypothesis import strategies as st

from diagrams import Overlay, Walked
from engine.model import Definition, Group, Guard, State, Transition

PIECES = (
    *"<>\"'`*_-[](){}:;#%&$@^~\\/|=+ \n\0\u202e\u200d\ud800\ufffeaé中م🚚",
    *("end", "note", "direction LR", "[[fork]]", "<<choice>>", "-->", " : ", ":::", "%%{init", "}%%", "&lt;", "#60;"),
    *("ﬂ°", "¶ß", "www.", "](", "\\N", "\\l", "subgraph", '"];', "*", ".*", "style ", "classDef "),
)

texts = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=()), max_size=8).map("".join)
"""Text in which what languages are made of is frequent."""


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Return a definition, in which the same few texts stand anywhere; not always one that would be proven."""
    said = st.sampled_from(draw(st.lists(texts, min_size=4, max_size=6)))
    parts = st.sampled_from(["a", "b", "end", "*", ""]) | said
    names = draw(st.lists(st.lists(parts, min_size=1, max_size=3).map(".".join), min_size=1, max_size=7))
    ends = st.sampled_from([*names, "nowhere"])
    transition = st.builds(
        Transition,
        source=ends,
        event=st.sampled_from(["go", "stop"]) | said,
        target=ends,
        guard=st.none() | st.builds(Guard, said, st.lists(said, max_size=2).map(tuple)),
        effects=st.lists(said, max_size=2).map(tuple),
        implied=st.booleans(),
        unseen=st.booleans(),
    )
    everywhere = [Transition(name, event, draw(ends)) for event in draw(st.lists(said, max_size=2)) for name in names]
    return Definition(
        name=draw(said),
        title=draw(said),
        initial=draw(ends),
        states=tuple(State(name, draw(said), final=draw(st.booleans())) for name in names),
        transitions=(*draw(st.lists(transition, max_size=9)), *everywhere),
        groups=tuple(Group(name.rpartition(".")[0], draw(said)) for name in names),
    )


@st.composite
def runs(draw: st.DrawFn, definition: Definition) -> Overlay:
    """Return a run of *definition*, with some arrows that it never had."""
    ends = st.sampled_from([*(state.id for state in definition.states), "elsewhere"])
    taken = draw(st.lists(st.sampled_from([*definition.transitions, Transition("a", "go", "b")]), max_size=4))
    walked = [Walked(arrow.source, arrow.event, arrow.target, draw(st.booleans())) for arrow in taken]
    strayed = st.builds(Walked, ends, texts, ends, st.booleans())
    return Overlay(draw(ends), (*walked, *draw(st.lists(strayed, max_size=2))))


drawn = definitions().flatmap(lambda definition: st.tuples(st.just(definition), st.none() | runs(definition)))
"""What can be drawn: a definition, and maybe a run of it."""
