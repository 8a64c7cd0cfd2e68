"""How a workflow is seen: pictures, from the definition that runs."""

from diagrams.dot import render_dot
from diagrams.drawing import Arrow, Drawing, Group, Label, Node, Overlay, StateTraffic, Taken, Traffic, Walked, draw
from diagrams.forms import MEDIA_TYPES, rendered
from diagrams.mermaid import render_mermaid
from diagrams.missing import PicturesUnavailable, TooMuchToDraw
from diagrams.png import render_png
from diagrams.svg import render_svg

__all__ = [
    "MEDIA_TYPES",
    "Arrow",
    "Drawing",
    "Group",
    "Label",
    "Node",
    "Overlay",
    "PicturesUnavailable",
    "StateTraffic",
    "Taken",
    "TooMuchToDraw",
    "Traffic",
    "Walked",
    "draw",
    "render_dot",
    "render_mermaid",
    "render_png",
    "render_svg",
    "rendered",
]
