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

ids = st.lists(st.sampled_from(["a", "b", "end", "*", ""]) | texts, min_size=1, max_size=3).map(".".join)


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Return a definition; not always one that would be proven."""
    names = draw(st.lists(ids, min_size=1, max_size=7))
    ends = st.sampled_from([*names, "nowhere"])
    transition = st.builds(
        Transition,
        source=ends,
        event=st.sampled_from(["go", "stop"]) | texts,
        target=ends,
        guard=st.none() | st.builds(Guard, texts, st.lists(texts, max_size=2).map(tuple)),
        effects=st.lists(texts, max_size=2).map(tuple),
        implied=st.booleans(),
        unseen=st.booleans(),
    )
    everywhere = [Transition(name, event, draw(ends)) for event in draw(st.lists(texts, max_size=2)) for name in names]
    return Definition(
        name=draw(texts),
        title=draw(texts),
        initial=draw(ends),
        states=tuple(State(name, draw(texts), final=draw(st.booleans())) for name in names),
        transitions=(*draw(st.lists(transition, max_size=9)), *everywhere),
        groups=tuple(Group(name.rpartition(".")[0], draw(texts)) for name in names),
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
