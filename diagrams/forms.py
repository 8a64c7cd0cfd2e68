"""The forms that a drawing comes in, by how the names of their files and addresses end."""

from collections.abc import Callable

from diagrams.dot import render_dot
from diagrams.drawing import Drawing
from diagrams.mermaid import render_mermaid
from diagrams.png import render_png
from diagrams.svg import render_svg

MEDIA_TYPES = {
    "mmd": "text/vnd.mermaid",
    "dot": "text/vnd.graphviz",
    "svg": "image/svg+xml",
    "png": "image/png",
}

_TEXTS: dict[str, Callable[[Drawing], str]] = {"mmd": render_mermaid, "dot": render_dot, "svg": render_svg}


def rendered(drawing: Drawing, form: str) -> bytes:
    """
    Return *drawing* in a form of `MEDIA_TYPES`.

    Raises:
        PicturesUnavailable: it is a picture, and a library that draws is not installed.
        TooMuchToDraw: it is a picture, and there is too much to draw.
    """
    return _TEXTS[form](drawing).encode() if form in _TEXTS else render_png(drawing)
