"""
What pictures look like: colours, sizes, and the marks that stand beside words.

Rule 1: no mark is a colour alone. The current state has a thick border and a point beside it, a final one a double
        border, what may come next a dashed ring; a walked arrow is thick, an inferred or unseen one dashed.
Rule 2: each text has a contrast of 4.5 or more on its ground; api/assets/diagram.css has the colours of the dark.
"""

from typing import Final

GROUND: Final = "#fbfcfb"
COLOURS: Final = {
    "ground": GROUND,
    "frame": "#f1f5f3",
    "frame-line": "#c3cfc9",
    "box": "#ffffff",
    "line": "#7c8c85",
    "ink": "#17211d",
    "soft": "#55655e",
    "screen": "#1b6655",
    "screen-wash": "#e2f1ec",
    "sketch": "#dfe7e3",
    "guard": "#1f4f8f",
    "effect": "#7a4b00",
    "effect-wash": "#fdf0d8",
    "visited-wash": "#e6eefb",
    "walked": "#1f4f8f",
    "current": "#a34709",
    "current-wash": "#fdedc8",
    "next": "#1b6655",
    "done-wash": "#e0f2e6",
    "grave-wash": "#fce9e5",
    "badge": "#1f4f8f",
    "badge-ink": "#ffffff",
}
"""The colours of the light; in a page, the custom properties `--diagram-NAME` have their names."""

TITLE: Final = 13.0
TEXT: Final = 11.0
SMALL: Final = 10.0
"""Sizes of letters, in pixels at the picture's own size."""

MARKS: Final = {
    "clock": "M5 .6a4.4 4.4 0 1 0 .001 0zM5 2.4V5l1.9 1.2",
    "loop": "M8.6 3.2A4.1 4.1 0 1 0 9 6.1M8.9 .9V3.4H6.4",
    "exit": "M.8 5H6.4M4.2 2.6 6.6 5 4.2 7.4M9 1.4V8.6",
    "effect": "M5.9 .6 2 5.6H4.7L3.9 9.4 8 4.3H5.2z",
}
"""Small drawings in a square of ten, as paths."""
