"""Reads a picture as XML: what it shows, without where it stands."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET  # what is read is what we wrote

from msgspec import Struct

SVG = "{http://www.w3.org/2000/svg}"


class Shape(Struct, frozen=True):
    """A state, a frame or an arrow: its classes, and the texts in it from top to bottom."""

    classes: tuple[str, ...]
    texts: tuple[str, ...] = ()


class Rectangle(Struct, frozen=True):
    """The place of a box."""

    x: float
    y: float
    wide: float
    high: float

    def overlaps(self, other: "Rectangle", tolerance: float = 0.0) -> bool:
        """Return whether two share more than a rim of so many pixels."""
        return (
            min(self.x + self.wide, other.x + other.wide) - max(self.x, other.x) > tolerance
            and min(self.y + self.high, other.y + other.high) - max(self.y, other.y) > tolerance
        )


def picture(svg: str) -> ET.Element:
    """Return a picture's root."""
    return ET.fromstring(svg)  # noqa: S314 - what we wrote ourselves


def groups(root: ET.Element, name: str) -> Iterator[ET.Element]:
    """Yield the groups with a class, in their order."""
    for group in root.iter(f"{SVG}g"):
        if name in group.get("class", "").split():
            yield group


def texts(element: ET.Element) -> tuple[str, ...]:
    """Return all lines of text in an element."""
    return tuple("".join(text.itertext()) for text in element.iter(f"{SVG}text"))


def states(root: ET.Element) -> dict[str, Shape]:
    """Return the states by their ids."""
    return {group.get("data-state", ""): shape(group) for group in groups(root, "state")}


def edges(root: ET.Element) -> dict[str, Shape]:
    """Return the arrows by what tells them apart, with what is written at them."""
    said: dict[str, Shape] = {}
    for group in groups(root, "edge"):
        before = said.get(group.get("data-edge", ""), Shape(()))
        classes = tuple(dict.fromkeys((*before.classes, *group.get("class", "").split()[1:])))
        said[group.get("data-edge", "")] = Shape(classes, (*before.texts, *texts(group)))
    return said


def frames(root: ET.Element) -> dict[str, Shape]:
    """Return the frames by their groups' ids; the title stands above the arrows, and is another element."""
    return {group.get("data-group", ""): shape(group) for group in groups(root, "frame") if texts(group)}


def shape(group: ET.Element) -> Shape:
    """Return a group's classes, but for the first, and its texts."""
    return Shape(tuple(group.get("class", "").split()[1:]), texts(group))


def boxes(root: ET.Element, group: str, box: str) -> list[Rectangle]:
    """Return the places of the boxes of a class, in the groups of another."""
    return [
        rectangle(rect)
        for each in groups(root, group)
        for rect in each.iter(f"{SVG}rect")
        if box in rect.get("class", "").split()
    ]


def rectangle(rect: ET.Element) -> Rectangle:
    """Return where a rectangle is."""
    return Rectangle(*(float(rect.get(name, "0")) for name in ("x", "y", "width", "height")))
