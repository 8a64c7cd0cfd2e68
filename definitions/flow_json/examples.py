"""
Short ways to write the Flow JSON documents that rules are shown with.

    flow(screen("ASK", TextInput(...), go_to("END")), screen("END", DONE, terminal=True))

Components are written as calls of `component`, or with the few that nearly every screen has.
"""

from typing import Any

from definitions.flow_json.table import INPUTS

NEWEST = "7.3"


def flow(*screens: Any, version: str = NEWEST, **more: Any) -> dict[str, Any]:
    """Return a Flow without endpoint; *more* are its other top-level properties."""
    return {"version": version, **more, "screens": list(screens)}


def endpoint_flow(*screens: Any, routes: dict[str, list[str]] | None = None, version: str = NEWEST) -> dict[str, Any]:
    """Return a Flow with an endpoint. Without *routes*, each screen leads to the next."""
    names = [each["id"] for each in screens]
    routing = {name: names[index + 1 : index + 2] for index, name in enumerate(names)} if routes is None else routes
    return flow(*screens, version=version, data_api_version="3.0", routing_model=routing)


def screen(id: str, *children: Any, title: str = "A screen", **more: Any) -> dict[str, Any]:  # noqa: A002 - its name there
    """Return a screen with *children*; *more* are its other properties."""
    return {"id": id, "title": title, **more, "layout": {"type": "SingleColumnLayout", "children": list(children)}}


def last(*children: Any, id: str = "LAST", **more: Any) -> dict[str, Any]:  # noqa: A002 - its name there
    """Return a terminal screen that completes the Flow with what is asked on it."""
    return screen(id, *children, footer(complete(**_answers(children))), terminal=True, **more)


def asking(*children: Any, id: str = "LAST", **more: Any) -> dict[str, Any]:  # noqa: A002 - its name there
    """Return a terminal screen that sends what is asked on it to the endpoint."""
    return screen(id, *children, footer(exchange(**_answers(children))), terminal=True, **more)


def component(type: str, **properties: Any) -> dict[str, Any]:  # noqa: A002 - its name there
    """Return a component; an underscore in a property's name stands for its hyphen."""
    return {"type": type, **{name.replace("_", "-"): value for name, value in properties.items()}}


def footer(action: Any, **more: Any) -> dict[str, Any]:
    """Return a Footer that does *action*."""
    return component("Footer", label="Continue", on_click_action=action, **more)


def navigate(to: str, **payload: Any) -> dict[str, Any]:
    """Return the action that moves the phone to another screen."""
    return {"name": "navigate", "next": {"type": "screen", "name": to}, "payload": payload}


def exchange(**payload: Any) -> dict[str, Any]:
    """Return the action that asks the endpoint."""
    return {"name": "data_exchange", "payload": payload}


def complete(**payload: Any) -> dict[str, Any]:
    """Return the action that ends the Flow."""
    return {"name": "complete", "payload": payload}


def go_to(name: str, **payload: Any) -> dict[str, Any]:
    """Return a Footer that moves the phone to another screen."""
    return footer(navigate(name, **payload))


def text(value: str = "Hello") -> dict[str, Any]:
    """Return a line of text."""
    return component("TextBody", text=value)


def text_input(name: str = "first_name", **more: Any) -> dict[str, Any]:
    """Return a field to type in."""
    return component("TextInput", name=name, label="First name", **more)


def example_of(kind: str, value: Any) -> dict[str, Any]:
    """Return an entry of a screen's data model."""
    return {"type": kind, "__example__": value}


def _answers(children: tuple[Any, ...]) -> dict[str, str]:
    inputs = [each for each in children if isinstance(each, dict) and each.get("type") in INPUTS]
    return {each["name"]: f"${{form.{each['name']}}}" for each in inputs if isinstance(each.get("name"), str)}


DONE = footer(complete())
"""The Footer of a terminal screen."""
