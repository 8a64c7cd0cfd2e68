"""Pages of a list: what is on one, and where the next begins."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from api.admin import Number, cursor, place_of

Item = TypeVar("Item")

PAGE_SIZE = 50
"""How many rows a page of a list has."""


class Paged(Struct, Generic[Item], frozen=True):
    """The rows of one page; *older* is the cursor of the next one, "" if this is the last."""

    items: tuple[Item, ...]
    older: str = ""


def paged(found: Sequence[Item], ids: Sequence[int], size: int = PAGE_SIZE) -> Paged[Item]:
    """Return the page that *found* makes, which was asked for with one more than fits, and their *ids*."""
    older = cursor(ids[size - 1]) if len(found) > size else ""
    return Paged(tuple(found[:size]), older)


def place(text: str) -> int | None:
    """
    Return the id that a cursor tells, None for the beginning.

    Raises:
        Refusal: it is no cursor of ours.
    """
    return place_of(text, Number)
