from diagrams import folding
from diagrams.folding import Fold, Kind, Scope
from engine.model import Guard, Transition


def whole(*states: str, final: str = "") -> Scope:
    """Return the scope of a whole definition, of which at most one state is *final*."""
    return Scope("", frozenset(states), frozenset(states) - {final})


def group(name: str, *states: str, final: str = "") -> Scope:
    """Return the scope of a group."""
    return Scope(name, frozenset(states), frozenset(states) - {final})


def kind(event: str, target: str = "", *effects: str, guard: str = "", unseen: bool = False) -> Kind:
    """Return the kind of arrows to *target* or, without one, of those that stay."""
    return Kind(event, guard, effects, unseen, stay=not target, target=target)


def from_each(sources: str, event: str, target: str, *effects: str) -> list[Transition]:
    """Return an arrow from each of *sources*, states with names of one letter."""
    return [Transition(source, event, target, effects=effects) for source in sources]


def fold(scopes: list[Scope], arrows: list[Transition]) -> tuple[list[Fold], list[Transition]]:
    """Fold *arrows* of a definition that begins elsewhere."""
    return folding.fold("elsewhere", scopes, arrows)


def test_what_all_states_of_a_group_do_alike_is_one_arrow() -> None:
    road = group("road", "a", "b", "c")
    lost = from_each("abc", "lose", "x")

    assert fold([road], lost) == ([Fold(road, kind("lose", "x"))], [])


def test_states_that_are_final_and_the_target_are_not_asked() -> None:
    scope = whole("a", "b", "c", "x", "y", final="y")

    assert fold([scope], from_each("abc", "close", "x")) == ([Fold(scope, kind("close", "x"))], [])


def test_one_state_that_does_not_do_it_prevents_the_fold() -> None:
    arrows = from_each("abc", "close", "x")

    assert fold([whole("a", "b", "c", "d", "x", final="x")], arrows) == ([], arrows)


def test_two_states_are_not_enough() -> None:
    arrows = from_each("ab", "close", "x")

    assert fold([whole("a", "b", "x")], arrows) == ([], arrows)


def test_arrows_with_another_guard_effect_or_manner_are_not_alike() -> None:
    scope = whole("a", "b", "c", "x", final="x")
    for odd in (
        Transition("c", "close", "x", Guard("is_late")),
        Transition("c", "close", "x", effects=("tell",)),
        Transition("c", "close", "x", unseen=True),
        Transition("c", "shut", "x"),
    ):
        arrows = [*from_each("ab", "close", "x"), odd]

        assert fold([scope], arrows) == ([], arrows)


def test_a_guard_is_alike_with_its_arguments() -> None:
    scope = whole("a", "b", "c", "x", final="x")
    arrows = [Transition(source, "close", "x", Guard("every", ("d", "e"))) for source in "abc"]

    assert fold([scope], arrows) == ([Fold(scope, kind("close", "x", guard="every(d, e)"))], [])


def test_arrows_that_stay_are_alike_wherever_they_stay() -> None:
    scope = whole("a", "b", "c")
    arrows = [Transition(state, "ring", state) for state in "abc"]

    assert fold([scope], arrows) == ([Fold(scope, kind("ring"))], [])


def test_the_wider_scope_goes_first() -> None:
    road, customs = group("road", "a", "b", "c", "d"), group("road.customs", "a", "b", "c")

    assert fold([customs, road], from_each("abcd", "lose", "x")) == ([Fold(road, kind("lose", "x"))], [])


def test_the_narrower_scope_folds_what_the_wider_cannot() -> None:
    road, customs = group("road", "a", "b", "c", "d"), group("road.customs", "a", "b", "c")

    assert fold([road, customs], from_each("abc", "lose", "x")) == ([Fold(customs, kind("lose", "x"))], [])


def test_a_group_goes_before_a_whole_that_has_no_more_states_to_ask() -> None:
    road = group("road", "a", "b", "c")

    folds, apart = fold([road, whole("a", "b", "c", "x")], from_each("abc", "return", "x"))

    assert (folds, apart) == ([Fold(road, kind("return", "x"))], [])


def test_what_a_wider_scope_left_is_drawn_apart() -> None:
    road = group("road", "a", "b", "c")

    folds, apart = fold([road, whole("a", "b", "c", "d", "e", "x")], from_each("abcd", "lose", "x"))

    assert (folds, apart) == ([Fold(road, kind("lose", "x"))], from_each("d", "lose", "x"))


def test_a_final_state_that_does_it_too_is_folded_too() -> None:
    scope = whole("a", "b", "c", "x", "y", final="y")

    assert fold([scope], from_each("abcy", "correct", "x")) == ([Fold(scope, kind("correct", "x"))], [])


def test_the_targets_own_arrow_is_folded_too() -> None:
    scope = whole("a", "b", "c", "x")
    arrows = [*from_each("abc", "damage", "x", "alert"), Transition("x", "damage", "x")]

    assert fold([scope], arrows) == ([Fold(scope, kind("damage", "x", "alert"))], [])


def test_the_targets_own_arrow_is_drawn_if_it_does_more() -> None:
    scope = whole("a", "b", "c", "x")
    own = Transition("x", "damage", "x", effects=("shout",))

    assert fold([scope], [*from_each("abc", "damage", "x"), own]) == ([Fold(scope, kind("damage", "x"))], [own])


def test_the_targets_own_arrow_is_drawn_if_the_target_is_outside() -> None:
    road = group("road", "a", "b", "c")
    own = Transition("x", "damage", "x")

    assert fold([road], [*from_each("abc", "damage", "x"), own]) == ([Fold(road, kind("damage", "x"))], [own])


def test_the_initial_state_is_not_left_without_any_arrow() -> None:
    scope = whole("start", "a", "b", "x", "y")
    arrows = [Transition(state, "opt_in", "x") for state in ("start", "a", "b", "y")]
    rings = [Transition(state, "ring", state) for state in ("start", "a", "b", "x", "y")]

    folds, apart = folding.fold("start", [scope], [*arrows, *rings])

    assert folds == [Fold(scope, kind("opt_in", "x")), Fold(scope, kind("ring"))]
    assert apart == [Transition("start", "opt_in", "x")]


def test_an_initial_state_to_which_something_leads_needs_none() -> None:
    scope = whole("start", "a", "b", "x")
    arrows = [Transition(state, "opt_in", "x") for state in ("start", "a", "b")]
    back = Transition("x", "reset", "start")

    assert folding.fold("start", [scope], [*arrows, back]) == ([Fold(scope, kind("opt_in", "x"))], [back])
