"""
Turns a picture into PNG, with no other letters than the fonts that ship: it is the same wherever it is drawn.

Rule 1: it is drawn by a process of its own: the library lets no other thread run for as long as it draws, which for a
        large picture is a second, and a server would answer nobody meanwhile.
"""

import importlib.util
import json
import math
import re
import subprocess
import sys

from diagrams.drawing import Drawing
from diagrams.letters import FONTS, LATIN
from diagrams.missing import PicturesUnavailable, TooMuchToDraw
from diagrams.svg import render_svg

MOST_PIXELS = 64_000_000
"""What is larger is drawn smaller than asked."""

SECONDS = 60.0

_SIZE = re.compile(r'width="(\d+)" height="(\d+)"')

_PROGRAM = """\
import json, sys, resvg_py
sys.stdout.buffer.write(bytes(resvg_py.svg_to_bytes(**json.load(sys.stdin))))
"""


def render_png(drawing: Drawing, scale: float = 2.0) -> bytes:
    """
    Return *drawing* as PNG, *scale* times as large as the SVG of it.

    Raises:
        PicturesUnavailable: a library that draws is not installed.
        TooMuchToDraw: there is too much for a picture.
    """
    if importlib.util.find_spec("resvg_py") is None:
        raise PicturesUnavailable
    svg = render_svg(drawing)
    wide, high = (int(number) for number in _SIZE.findall(svg)[0])
    asked = {
        "svg_string": svg,
        "skip_system_fonts": True,
        "font_files": sorted(str(path) for path in FONTS.glob("*.ttf")),
        "font_family": LATIN,
        "sans_serif_family": LATIN,
        "zoom": min(scale, math.sqrt(MOST_PIXELS / (wide * high))),
    }
    try:
        drawn = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-I", "-c", _PROGRAM],
            input=json.dumps(asked).encode(),
            stdout=subprocess.PIPE,
            timeout=SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise TooMuchToDraw from None
    return drawn.stdout
