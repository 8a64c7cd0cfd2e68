"""
Writes a compiled definition as an XState v5 machine config, so that its tools can open what runs.

Entry actions have become actions of the arrows that enter, and the arrows of groups those of their states; `meta` has
what XState's shape lacks.
"""

from typing import Any

from definitions.lifecycle import DELAYED, MILLISECOND
from engine.model import Definition, Guard, State, Timer, Transition


def to_xstate(definition: Definition) -> dict[str, Any]:
    """Return the config of *definition*."""
    root: dict[str, Any] = {
        "id": definition.name,
        "description": definition.description,
        "meta": {
            "title": definition.title,
            "ordering": definition.ordering,
            "version": definition.version,
            "delays": {timer.event.removeprefix(DELAYED): _delay(timer) for timer in definition.timers},
        },
    }
    titles = {group.id: group.title for group in definition.groups}
    for state in definition.states:
        node, path = root, ""
        for name in state.id.split("."):
            path = f"{path}.{name}" if path else name
            node = node.setdefault("states", {}).setdefault(name, {})
            if titles.get(path):
                node.setdefault("meta", {"title": titles[path]})
        node.update(_state(state, [arrow for arrow in definition.transitions if arrow.source == state.id], definition))
    _name_initials(root, definition.initial)
    return root


def _state(state: State, arrows: list[Transition], definition: Definition) -> dict[str, Any]:
    node: dict[str, Any] = {"meta": {"title": state.title}, "tags": list(state.tags)}
    if state.description:
        node["description"] = state.description
    if state.final:
        return {**node, "type": "final"}
    timed = {timer.event for timer in definition.timers if timer.state == state.id}
    ways: dict[str, dict[str, list[dict[str, Any]]]] = {"on": {}, "after": {}}
    for arrow in arrows:
        kind = "after" if arrow.event in timed else "on"
        event = arrow.event.removeprefix(DELAYED) if kind == "after" else arrow.event
        ways[kind].setdefault(event, []).append(_arrow(arrow, definition.name))
    return {**node, **{kind: events for kind, events in ways.items() if events}}


def _delay(timer: Timer) -> int | dict[str, Any]:
    """Return a delay in milliseconds, from the time in the context that it begins at if it does."""
    milliseconds = timer.after // MILLISECOND
    return milliseconds if timer.at is None else {"since": timer.at, "ms": milliseconds}


def _arrow(arrow: Transition, name: str) -> dict[str, Any]:
    way: dict[str, Any] = {"target": f"#{name}.{arrow.target}"}
    if arrow.guard is not None:
        way["guard"] = _guard(arrow.guard)
    if arrow.effects:
        way["actions"] = list(arrow.effects)
    if arrow.implied or arrow.unseen:
        way["meta"] = {flag: True for flag in ("implied", "unseen") if getattr(arrow, flag)}
    return way


def _guard(guard: Guard) -> str | dict[str, Any]:
    if not guard.args:
        return guard.name
    return {"type": guard.name, "params": {str(place): value for place, value in enumerate(guard.args)}}


def _name_initials(node: dict[str, Any], path: str) -> None:
    """Name the initial state of *node* and of every group in it: the one on *path*, else the first."""
    first, _, rest = path.partition(".")
    states = node.get("states", {})
    if states:
        node["initial"] = first if first in states else next(iter(states))
    for name, child in states.items():
        _name_initials(child, rest if name == first else "")
